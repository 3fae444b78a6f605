"""Trains an `engramd` network on tokenised samples (samples.py), on a GPU or on CPUs.

  train.py --data FOLDER... --out FOLDER --seconds S      as many tokens as fit into S seconds
  train.py --data FOLDER... --out FOLDER --tokens N       exactly so many

Owns the loop and the schedule: warm-up, flat, linear decay; the end of the decay runs with weights
rounded like the exported file's. The schedule counts tokens. With --seconds the first steps measure
the speed, which fixes the number of tokens; when the machine turns out slower, the decay begins
earlier, so that a run always ends decayed and saved.

Leaves in --out: weights-N.safetensors (quantise.py) every two minutes and at the end, train.log,
result.json; and on CPUs checkpoint.pt every minute, from which the same command continues.
"""
import argparse
import importlib
import json
import math
import os
import pathlib
import sys
import threading
import time
import traceback

STARTED = time.time()

import numpy as np  # noqa: E402
import torch  # noqa: E402

import recipe  # noqa: E402
import shape as shapes  # noqa: E402
from head_loss import CHUNK_TOKENS, HeadLoss, softmax_gradient  # noqa: E402
from held_out import HeldOut  # noqa: E402
from network import Network, initial_weights  # noqa: E402
from optimizer import Optimizer  # noqa: E402
from quantise import save_result  # noqa: E402
from samples import PLAIN, Prefetcher, Samples  # noqa: E402

LOG_EVERY_STEPS = 20
MEASURE_SECONDS = 20
EAGER_SEQUENCES = 16  # of 1024 tokens at a time: more is kept between forward and backward
RESERVE_SECONDS = 12  # for the last measurement and for saving
H100_FLOPS = 989e12   # dense bfloat16; the logged share is of this
SHAPES = {"default": shapes.DEFAULT, "tiny": shapes.TINY, "ablation": shapes.ABLATION,
          "ablation-cpu": shapes.ABLATION_CPU}
VARIANTS = {"full": {}, "plain-residual": {"n_streams": 1}, "no-engram": {"engram_layers": ()},
            "dense": {"n_experts": 0}}


class Log:
    def __init__(self, path):
        self._out = open(path, "a") if path else None

    def __call__(self, text):
        line = f"[{time.time() - STARTED:7.1f} s] {text}"
        print(line, flush=True)
        if self._out:
            self._out.write(line + "\n")
            self._out.flush()


class Schedule:
    """How many tokens there will be, and what applies after `done` of them."""

    def __init__(self, total):
        self.total = total  # None: not known yet

    def decay_tokens(self):
        return self.total * recipe.DECAY_SHARE

    def in_decay(self, done):
        return self.total is not None and done >= self.total - self.decay_tokens()

    def quantised(self, done):
        return self.total is not None and done >= self.total * (1 - recipe.QUANTISED_SHARE)

    def rate(self, done, step_tokens):
        warm = recipe.WARMUP_SHARE * (self.total or 5000 * step_tokens)
        rising = (done + step_tokens) / max(warm, step_tokens)
        if self.total is None:
            return min(1.0, rising)
        return max(min(1.0, rising, (self.total - done) / self.decay_tokens()), 0.0)

    def fit(self, done, possible, step_tokens):
        """`possible` more tokens fit into the time left. A decay that has begun only shortens."""
        total = (done + max(int(possible), step_tokens)) // step_tokens * step_tokens
        if not self.in_decay(done) or total < self.total:
            self.total = max(total, done + step_tokens)


class Speed:
    """Tokens a second over the last stretch of time."""

    def __init__(self):
        self._marks = []

    def mark(self, done):
        self._marks.append((time.time(), done))
        while len(self._marks) > 2 and self._marks[-1][0] - self._marks[1][0] > MEASURE_SECONDS:
            self._marks.pop(0)

    def value(self):
        (t0, d0), (t1, d1) = self._marks[0], self._marks[-1]
        return (d1 - d0) / max(t1 - t0, 1e-9)

    def seconds(self):
        return self._marks[-1][0] - self._marks[0][0] if self._marks else 0.0

    def clear(self):
        self._marks = []


def active_parameters(shape):
    """Of one token, the head counting once; tables are looked up, not multiplied."""
    total = 0
    for name, dims in shapes.tensor_shapes(shape).items():
        n = math.prod(dims)
        if "_exps" in name:
            n = n * shape.n_experts_used // shape.n_experts
        total += 0 if "engram_embd" in name else n
    return total


class FirstCall:
    """A compiled function that logs how long its first call took."""

    def __init__(self, function, name, log):
        self._function, self._name, self._log = function, name, log

    def __call__(self, *args):
        if self._log is None:
            return self._function(*args)
        began, log = time.time(), self._log
        self._log = None
        result = self._function(*args)
        torch.cuda.synchronize()
        log(f"  {self._name}: compiled and ran in {time.time() - began:.1f} s")
        return result


class CapturedPart:
    """The kernels of one forward and backward pass, recorded once and replayed: without a compiler
    starting them one by one takes most of the time. Inputs and gradients have fixed places."""

    def __init__(self, function, inputs, clear, owners):
        self._inputs = [x.clone() for x in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                clear()
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        clear()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs = function(*self._inputs)
        self._owners = [owner for owner in owners if owner.grad is not None]
        self._made = [owner.grad for owner in self._owners]
        self._sums, self._n = None, 0

    @torch.no_grad()
    def __call__(self, inputs):
        for mine, given in zip(self._inputs, inputs):
            mine.copy_(given)
        if self._n == 1:
            self._sums = [grad.clone() for grad in self._made]
        self._graph.replay()
        self._n += 1
        if self._n > 1:
            torch._foreach_add_(self._sums, self._made)
        return [x.clone() for x in self._outputs]

    @torch.no_grad()
    def finish(self):
        """Gives the owners the sums since the last call."""
        for owner, total in zip(self._owners, self._made if self._n == 1 else self._sums):
            owner.grad = total
        self._n = 0


class Trainer:
    def __init__(self, shape, args, log):
        self.shape, self.args, self.log = shape, args, log
        self.device = torch.device(args.device)
        cuda = self.device.type == "cuda"
        weights = {n: w.to(self.device) for n, w in initial_weights(shape, args.seed).items()}
        self.optimizer = Optimizer(shape, weights, torch.bfloat16 if cuda else torch.float32)
        self.micro = args.micro or args.batch
        self._loss_weights = torch.tensor(recipe.LOSS_WEIGHTS, device=self.device)
        self._biases = [self.optimizer.masters[f"blk.{i}.exp_probs_b.bias"]
                        for i in range(shape.n_layers) if shape.n_experts]
        ways = ("compile", "graphs", "eager")
        self.modes = list(ways[ways.index(args.mode):]) if cuda else ["eager"]
        self._timed = False
        self.build()

    def build(self):
        def wrap(function):
            if self.modes[0] != "compile":
                return function
            return FirstCall(torch.compile(function, fullgraph=True, dynamic=False),
                             function.__name__, self.log)

        if self.modes[0] != "compile" and self.device.type == "cuda":
            self.micro = min(self.micro, EAGER_SEQUENCES * 1024 // self.shape.context)
        exact = self.args.experts == "exact" or (self.args.experts == "auto"
                                                 and self.device.type == "cpu")
        self.network = Network(self.shape, self.optimizer.working, exact=exact, wrap=wrap)
        chunk = self.micro * self.shape.context
        self._part = softmax_gradient if chunk % CHUNK_TOKENS else wrap(softmax_gradient)
        self._captured = None

    def measuring_network(self):
        return Network(self.shape, self.optimizer.working, exact=True)

    def gradients(self, tokens, kinds):
        """Makes the gradients of a batch; (loss, cross-entropy of plain text, loads)."""
        tokens = tokens.long()
        weights = self._loss_weights[kinds[:, 1:].long()]
        weights = weights / weights.sum().clamp_min(1e-9)
        plain = (kinds[:, 1:] == PLAIN).float()
        plain = plain / plain.sum().clamp_min(1.0)
        replays = self.modes[0] == "graphs" or self._captured is not None
        part = self._replay if replays else self._part_of_batch
        sums = None
        for first in range(0, len(tokens), self.micro):
            at = slice(first, first + self.micro)
            made = part(tokens[at], weights[at], plain[at])
            sums = made if sums is None else [a + b for a, b in zip(sums, made)]
        if replays:
            self._captured.finish()
        loss, entropy, loads = sums
        return loss, entropy, loads * self.micro / len(tokens)

    def _part_of_batch(self, tokens, weights, plain):
        share, first_time = len(tokens) / self.args.batch, not self._timed
        began = time.time()
        h, load, balance = self.network.hidden(tokens[:, :-1])
        value, losses = HeadLoss.apply(
            h.flatten(0, 1), self.optimizer.working["token_embd.weight"], tokens[:, 1:].flatten(),
            weights.flatten(), self._part)
        if first_time and self.device.type == "cuda" and self.modes[0] != "graphs":
            torch.cuda.synchronize()
            self.log(f"first forward pass: {time.time() - began:.1f} s")
            began = time.time()
        (value + recipe.BALANCE_WEIGHT * share * balance).backward()
        if first_time and self.device.type == "cuda" and self.modes[0] != "graphs":
            torch.cuda.synchronize()
            self.log(f"first backward pass: {time.time() - began:.1f} s")
            self._timed = True
        return [value.detach(), (losses * plain.flatten()).sum(), load]

    def _replay(self, *inputs):
        if self._captured is None:
            self._captured = CapturedPart(self._part_of_batch, inputs,
                                          self.optimizer.zero_gradients,
                                          self.optimizer.gradient_owners())
        return self._captured(inputs)

    def step(self, tokens, kinds, rate, quantised):
        """One update; a compilation or memory failure is answered with a simpler way, once each."""
        while True:
            self.optimizer.zero_gradients()
            try:
                loss, entropy, loads = self.gradients(tokens, kinds)
                break
            except Exception as error:
                self.simplify(error)
        self.optimizer.step(rate, quantised)
        for i, bias in enumerate(self._biases):
            bias += rate * recipe.SELECTION_BIAS_RATE * torch.sign(1 / self.shape.n_experts
                                                                   - loads[i])
        return loss, entropy, loads

    def record(self, tokens, kinds):
        """Records the compiled pass too and replays it from here, if that gives the same
        gradients and takes less time: starting kernels is work for a processor that may be slow.
        Only with RECORD=1: it has not been run on a GPU yet."""
        if (self.modes[0] != "compile" or self._captured is not None
                or os.environ.get("RECORD") != "1"):
            return
        try:
            before, seconds = self._gradient_norms(tokens, kinds)
            parts = (tokens.long()[:self.micro],
                     *(torch.zeros(self.micro, self.shape.context, device=self.device)
                       for _ in range(2)))
            self.optimizer.zero_gradients()
            captured = CapturedPart(self._part_of_batch, parts, self.optimizer.zero_gradients,
                                    self.optimizer.gradient_owners())
            self._captured = captured
            after, replayed = self._gradient_norms(tokens, kinds)
            off = float(((after - before).abs() / (before + 1e-3 * before.max())).max())
            good = off < 0.05 and replayed < seconds
            self.log(f"recorded: gradients {off:.4f} off, {replayed * 1e3:.1f} ms a batch instead "
                     f"of {seconds * 1e3:.1f}: {'used' if good else 'not used'}")
        except Exception as error:
            good = False
            self.log(f"recording failed: {error!r}")
        if not good:
            self._captured = None
        self.optimizer.zero_gradients()

    def _gradient_norms(self, tokens, kinds):
        """(norms of all gradients, seconds of a batch)"""
        n, norms = 8, None
        for i in range(n + 1):
            if i == 1:
                torch.cuda.synchronize()
                began = time.time()
            self.optimizer.zero_gradients()
            self.gradients(tokens, kinds)
            if norms is None:
                norms = torch.stack([owner.grad.float().norm()
                                     for owner in self.optimizer.gradient_owners()])
        torch.cuda.synchronize()
        return norms, (time.time() - began) / n

    def simplify(self, error):
        kind = type(error).__name__
        last = "".join(traceback.format_exception_only(type(error), error)).strip()
        if "OutOfMemory" in kind or "out of memory" in str(error):
            if self.micro == 1:
                raise error
            self.micro = (self.micro + 1) // 2
            self.log(f"out of memory: {self.micro} sequences at a time from here")
            error.__traceback__ = None
            torch.cuda.empty_cache()
        elif len(self.modes) > 1:
            self.log(f"{self.modes[0]} failed, next: {self.modes[1]}: {last[:1500]}")
            self.modes.pop(0)
            error.__traceback__ = None
            torch.cuda.empty_cache()
        else:
            raise error
        self.build()


class Saver:
    """Writes the weights in a thread of its own, out of a copy, so that the device goes on."""

    def __init__(self, folder, optimizer, metadata):
        self._folder, self._optimizer, self._metadata = folder, optimizer, metadata
        self._thread = None

    def __call__(self, done):
        self.wait()
        weights = {n: w.detach().cpu().clone() for n, w in self._optimizer.masters.items()}
        self._thread = threading.Thread(target=save_result, args=(
            self._folder, weights, dict(self._metadata, tokens=str(done))))
        self._thread.start()

    def wait(self):
        if self._thread:
            self._thread.join()


def examine(trainer, batch, log):
    """Logs how far the fast network is from the exact one in float32, and where a step's time
    goes."""
    tokens, kinds = batch
    part = tokens[:trainer.micro, :-1].long()
    x = trainer.network.hidden(part)[0].detach()[:2].float()
    with torch.no_grad():
        weights = {n: w.detach().float() for n, w in trainer.optimizer.working.items()}
        exact = Network(trainer.shape, weights).hidden(part[:2])[0].float()
        norms = [float((x - exact).norm() / exact.norm())]
        weights = {n: w.detach() for n, w in trainer.optimizer.working.items()}
        other = Network(trainer.shape, weights).hidden(part[:2])[0].float()
        norms.append(float((other - exact).norm() / exact.norm()))
    log(f"hidden state: fast path {norms[0]:.4f} from float32, plain path {norms[1]:.4f}")
    if trainer.device.type != "cuda":
        return
    log(f"memory at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        for _ in range(2):
            trainer.step(tokens, kinds, 0.0, False)
        torch.cuda.synchronize()
    rows = sorted(profiler.key_averages(), reverse=True,
                  key=lambda row: getattr(row, "self_device_time_total", 0))
    for row in rows[:45]:
        log(f"  {getattr(row, 'self_device_time_total', 0) / 2000:8.3f} ms {row.count // 2:5d} x "
            f"{row.key[:110]}")


def copy_batch(batch, device):
    tokens, kinds = (torch.from_numpy(part) for part in batch)
    if device.type == "cuda":
        tokens, kinds = tokens.pin_memory(), kinds.pin_memory()
    return tokens.to(device, non_blocking=True), kinds.to(device, non_blocking=True)


def save_checkpoint(path, trainer, step, schedule):
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "total": schedule.total, "shape": trainer.shape.to_dict(),
                "batch": trainer.args.batch, "seed": trainer.args.seed,
                "weights": {n: w.detach() for n, w in trainer.optimizer.masters.items()},
                "optimizer": trainer.optimizer.state()}, partial)
    partial.replace(path)


def load_checkpoint(path, trainer):
    saved = torch.load(path, map_location=trainer.device)
    mine = (trainer.shape, trainer.args.batch, trainer.args.seed)
    if mine != (shapes.Shape.from_dict(saved["shape"]), saved["batch"], saved["seed"]):
        raise SystemExit(f"{path} belongs to another shape, batch or seed: remove it first")
    trainer.optimizer.load(saved["weights"], saved["optimizer"])
    return saved["step"]


def train(shape, args, log):
    """{name: number} of the finished run."""
    deadline = STARTED + args.seconds - RESERVE_SECONDS if args.seconds else None
    samples = Samples(args.data, "train", shape.context, args.seed)
    shape = shapes.Shape.from_dict(dict(shape.to_dict(), vocabulary=samples.vocabulary.size,
                                        pad_token=samples.vocabulary.end))
    checkpoint = args.out / "checkpoint.pt"
    on_cpu = args.device == "cpu"
    first = 0
    if on_cpu and checkpoint.exists():
        first = torch.load(checkpoint, map_location="cpu")["step"]
    source = Prefetcher(samples, args.batch, first, args.workers)
    if args.device == "cuda":
        torch.set_float32_matmul_precision("high")
        log(f"start: torch is loaded, mode {args.mode}")
        if args.mode == "compile":
            try:  # its processes start while the weights are made
                importlib.import_module("torch._inductor.async_compile")
            except ImportError as error:
                log(f"no compiler: {error}")
    trainer = Trainer(shape, args, log)
    if first:
        load_checkpoint(checkpoint, trainer)
        log(f"continuing at step {first}")
    step_tokens, active = args.batch * shape.context, active_parameters(shape)
    schedule, speed = Schedule(args.tokens or None), Speed()
    log(f"torch {torch.__version__}, {args.device}, {len(samples.tokens)} tokens, "
        f"{len(samples.holes)} holes, {sum(w.numel() for w in trainer.optimizer.masters.values())} "
        f"parameters, {active} active, {shapes.stored_bytes(shape)} bytes stored, "
        f"{step_tokens} tokens a step")
    metadata = {"shape": json.dumps(shape.to_dict()), "seed": str(args.seed),
                "recipe": json.dumps(recipe.training_values())}

    saver = Saver(args.out, trainer.optimizer, metadata)
    step, done, quantised, running = first, first * step_tokens, False, None
    last_save = time.time()
    while schedule.total is None or done < schedule.total:
        if step == args.steps or (deadline and time.time() > deadline):
            log(f"stopped at {done} tokens of {schedule.total}")
            break
        if not quantised and schedule.quantised(done):
            quantised = True
            trainer.optimizer.refresh(True)
            log("weights are rounded from here")
        tokens, kinds = copy_batch(source.next(), trainer.device)
        loss, entropy, loads = trainer.step(tokens, kinds, schedule.rate(done, step_tokens),
                                            quantised)
        step, done = step + 1, done + step_tokens
        if step == first + 4:
            trainer.record(tokens, kinds)
        if step <= first + 3 or step % LOG_EVERY_STEPS == 0 or done == schedule.total:
            running = float(loss)  # waits for the device
            if step == first + 3 or step == first + LOG_EVERY_STEPS:
                speed.clear()      # compilation is over
            speed.mark(done)
            log(f"step {step} tokens {done}/{schedule.total} loss {running:.3f} "
                f"plain {float(entropy):.3f} rate {schedule.rate(done, step_tokens):.3f} "
                f"load {float(loads.max()):.3f} tokens/s {speed.value():.0f} "
                f"share of peak {6 * active * speed.value() / H100_FLOPS:.3f}")
            if running != running:
                raise SystemExit("the loss is no number any more")
            if deadline and not args.tokens and step >= first + LOG_EVERY_STEPS and (
                    speed.seconds() > MEASURE_SECONDS * 0.9 or speed.seconds()
                    > 0.1 * args.seconds):
                schedule.fit(done, 0.98 * speed.value() * (deadline - time.time()), step_tokens)
                source.decay_from.value = int((schedule.total - schedule.decay_tokens())
                                              / step_tokens)
            if args.tokens:
                source.decay_from.value = int((schedule.total - schedule.decay_tokens())
                                              / step_tokens)
        if time.time() - last_save > (60 if on_cpu else 120):
            save_checkpoint(checkpoint, trainer, step, schedule) if on_cpu else saver(done)
            last_save = time.time()
    if args.examine:
        try:
            examine(trainer, copy_batch(source.next(), trainer.device), log)
        except Exception as error:  # never worth a run
            log(f"examining failed: {error!r}")
    source.close()
    trainer.optimizer.refresh(True)
    saver(done)
    saver.wait()
    if on_cpu:
        save_checkpoint(checkpoint, trainer, step, schedule)
    log(f"saved after {done} tokens, {time.time() - STARTED:.0f} s")
    held_out = HeldOut(np.fromfile(pathlib.Path(args.data[0]) / "dev.u16", "<u2"),
                       samples.vocabulary, shape.context, n_windows=args.windows,
                       n_holes=args.holes)
    result = held_out.measure(trainer.measuring_network(), trainer.device)
    result.update(tokens=done, loss=running, variant=args.variant, seed=args.seed,
                  seconds=round(time.time() - STARTED, 1), mode=trainer.modes[0],
                  tokens_per_second=round(speed.value()) if speed.seconds() else 0)
    log(json.dumps(result))
    (args.out / "result.json").write_text(json.dumps(result) + "\n")
    return result


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, help="of the whole call")
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--steps", type=int, help="stop early, not decayed (for timing)")
    parser.add_argument("--shape", choices=SHAPES, default="default")
    parser.add_argument("--variant", choices=VARIANTS, default="full")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=recipe.SEQUENCES_PER_STEP)
    parser.add_argument("--micro", type=int, help="sequences at a time, all by default")
    parser.add_argument("--experts", choices=("auto", "exact", "capacity"), default="auto")
    parser.add_argument("--mode", choices=("compile", "graphs", "eager"),
                        default=os.environ.get("MODE") or "compile", help="on a GPU; a way that "
                        "fails is followed by the next")
    parser.add_argument("--examine", action="store_true", help="log speed and precision at the end")
    parser.add_argument("--seed", type=int, default=recipe.SEED)
    parser.add_argument("--workers", type=int, default=min(8, (os.cpu_count() or 1) // 2))
    parser.add_argument("--windows", type=int, default=160)
    parser.add_argument("--holes", type=int, default=500)
    args = parser.parse_args(words)
    if bool(args.seconds) + bool(args.tokens) + bool(args.steps) == 0:
        parser.error("one of --seconds, --tokens, --steps is needed")
    return args


def main():
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    shape = shapes.Shape.from_dict(dict(SHAPES[args.shape].to_dict(), **VARIANTS[args.variant]))
    train(shape, args, Log(args.out / "train.log"))


if __name__ == "__main__":
    sys.exit(main())
