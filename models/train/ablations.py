"""What each part of the network is worth: small networks at equal parameters in use and tokens.

  ablations.py --data FOLDER... --out FILE.json --tokens N [--seconds S]

Trains full, plain-residual, no-engram and dense, two seeds each, several at once, and writes one
list of results (train.py's result.json of each). What does not end in time is left out.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from train import VARIANTS

SEEDS = (1, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--shape", default="ablation")
    parser.add_argument("options", nargs="*", help="behind --: further options for train.py")
    args = parser.parse_args()
    deadline = time.time() + args.seconds
    # One seed of everything first: when time runs out, there is something to compare.
    waiting = [(variant, seed) for seed in SEEDS for variant in VARIANTS]
    running, results = [], []
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < args.at_once and time.time() < deadline:
                variant, seed = waiting.pop(0)
                out = pathlib.Path(folder) / f"{variant}-{seed}"
                out.mkdir()
                with open(out / "output", "w") as output:
                    running.append((out, subprocess.Popen(
                        [sys.executable, str(pathlib.Path(__file__).with_name("train.py")),
                         "--data", *args.data, "--out", str(out), "--shape", args.shape,
                         "--variant", variant, "--seed", str(seed), "--tokens", str(args.tokens),
                         "--workers", "1", *args.options], stdout=output, stderr=output)))
            late = time.time() > deadline
            if late:
                waiting = []
            for out, process in list(running):
                if late:
                    process.kill()
                    process.wait()
                if process.poll() is None:
                    continue
                running.remove((out, process))
                if process.returncode == 0:
                    results.append(json.loads((out / "result.json").read_text()))
                    args.out.write_text(json.dumps(results, indent=1) + "\n")
                    print(json.dumps(results[-1]), flush=True)
                else:
                    tail = (out / "output").read_text()[-800:]
                    print(f"{out.name} ended with {process.returncode}: {tail}", flush=True)
            time.sleep(0.2)
    print(f"{len(results)} of {len(VARIANTS) * len(SEEDS)} runs finished", flush=True)


if __name__ == "__main__":
    main()
