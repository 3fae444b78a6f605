"""What each part of the network is worth: small networks at equal parameters in use and tokens.

  ablations.py --data FOLDER... --out FILE.json --tokens N [--seconds S] [--seeds N]

Trains full, plain-residual, no-engram and dense, with two seeds or more each, several at once, and
writes one list of results (train.py's result.json of each). What does not end in time is left out;
the same call again goes on with it (runs lie beside FILE.json, in FILE.runs).
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

from train import VARIANTS


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--shape", default="ablation")
    parser.add_argument("options", nargs="*", help="behind --: further options for train.py")
    args = parser.parse_args()
    deadline = time.time() + args.seconds
    runs = args.out.with_suffix(".runs")
    # One seed of everything first: when time runs out, there is something to compare.
    everything = [(variant, seed) for seed in range(1, args.seeds + 1) for variant in VARIANTS]
    results, waiting, running = {}, [], []

    def keep(run, result):
        results[run] = result
        args.out.write_text(json.dumps([results[r] for r in everything if r in results], indent=1)
                            + "\n")

    for run in everything:
        result = runs / "{}-{}".format(*run) / "result.json"
        if result.exists():
            keep(run, json.loads(result.read_text()))
        else:
            waiting.append(run)
    while waiting or running:
        while waiting and len(running) < args.at_once and time.time() < deadline:
            variant, seed = run = waiting.pop(0)
            out = runs / f"{variant}-{seed}"
            out.mkdir(parents=True, exist_ok=True)
            with open(out / "output", "a") as output:
                running.append((run, out, subprocess.Popen(
                    [sys.executable, str(pathlib.Path(__file__).with_name("train.py")),
                     "--data", *args.data, "--out", str(out), "--shape", args.shape,
                     "--variant", variant, "--seed", str(seed), "--tokens", str(args.tokens),
                     "--workers", "1", *args.options], stdout=output, stderr=output)))
        late = time.time() > deadline
        if late:
            waiting = []
        for run, out, process in list(running):
            if late:
                process.kill()
                process.wait()
            if process.poll() is None:
                continue
            running.remove((run, out, process))
            if process.returncode == 0:
                keep(run, json.loads((out / "result.json").read_text()))
                print(json.dumps(results[run]), flush=True)
            else:
                tail = (out / "output").read_text()[-800:]
                print(f"{out.name} ended with {process.returncode}: {tail}", flush=True)
        time.sleep(0.2)
    print(f"{len(results)} of {len(everything)} runs finished", flush=True)


if __name__ == "__main__":
    main()
