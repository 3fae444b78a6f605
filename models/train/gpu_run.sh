#!/bin/bash
# Trains on a machine with a GPU that is at hand for minutes only. Run in the root of the repository;
# PARTS are folders written by pack.py, results go to the folder $OUT.
#
#   gpu_run.sh try [PARTS...]          about 110 s: does everything work, and how fast; made-up
#                                      data when there are no parts
#   gpu_run.sh unpack PARTS...         only that: parts may come in several calls
#   gpu_run.sh train SECONDS PARTS...  the whole run within SECONDS, ablations at its end
#
# Both may run on the same machine one after the other: what was unpacked and compiled is kept in
# ${WORK:-/tmp/engramd-train}; CACHE names the compiled.tar.xz of an earlier try. MODE says how to run
# (train.py). TINY=1 uses a tiny network, to try the script on a CPU.
set -uo pipefail
export PYTHONUNBUFFERED=1 PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True
export PYTORCH_ALLOC_CONF=expandable_segments:True
work=${WORK:-/tmp/engramd-train}
export TORCHINDUCTOR_CACHE_DIR=$work/compiled TRITON_CACHE_DIR=$work/triton
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
began=$(date +%s)
since() { echo $(($(date +%s) - began)); }
say() { echo "== $(since) s: $*"; }
mkdir -p "$work" "$OUT"
[[ -n ${CACHE:-} && ! -d $TORCHINDUCTOR_CACHE_DIR ]] && tar -C "$work" -xJf "$CACHE"

command=$1
shift
options=() small=ablation ablation_tokens=${ABLATION_TOKENS:-8000000} ablation_options=(--batch 64)
if [[ -n ${TINY:-} ]]; then
  options=(--shape tiny --batch 8 --workers 1 --windows 8 --holes 8)
  small=tiny ablation_tokens=${ABLATION_TOKENS:-20000}
  ablation_options=(--batch 8 --windows 8 --holes 8)
fi

unpack() {
  local part
  for part in "$@"; do
    if [[ ! -e $work/done-$(basename "$part") ]]; then
      "$python" "$here/pack.py" unpack "$part" --out "$work/data" &&
        touch "$work/done-$(basename "$part")"
    fi
  done
  say "unpacked: $(ls -l "$work/data" | awk 'NR > 1 {print $9, $5}' | tr '\n' ' ')"
}

try() {
  local data=$work/data
  if (($#)); then
    unpack "$@"
  else
    data=$work/made-up
    "$python" "$here/synthetic_data.py" "$data" --vocabulary "${VOCABULARY:-12288}" \
      --tokens "${MADE_UP_TOKENS:-200000}"
    say "made up data"
  fi
  nvidia-smi --query-gpu=name,memory.total,clocks.sm --format=csv,noheader 2>/dev/null
  # Compiling is work for the processors; meanwhile the other ways are timed on the GPU.
  MODE=compile timeout "${TRY_SECONDS:-95}" "$python" "$here/train.py" --data "$data" \
    --out "$work/try" "${options[@]}" --steps "${TRY_STEPS:-160}" --tokens 40000000 --examine \
    >"$OUT/compile.txt" 2>&1 &
  local compiling=$!
  timeout 40 "$python" "$here/train.py" --data "$data" --out "$work/try-graphs" "${options[@]}" \
    --steps "${TRY_GRAPHS_STEPS:-41}" --tokens 40000000 --mode graphs --micro 8 --windows 8 \
    --holes 8 >"$OUT/graphs.txt" 2>&1
  say "graphs:" && cat "$OUT/graphs.txt"
  timeout 40 "$python" "$here/train.py" --data "$data" --out "$work/try-ablation" \
    --shape "$small" "${ablation_options[@]}" --workers 1 --variant full --seed 1 \
    --tokens 40000000 --steps "${TRY_ABLATION_STEPS:-41}" >"$OUT/ablation.txt" 2>&1
  say "ablation:" && cat "$OUT/ablation.txt"
  wait "$compiling"
  say "compiled:" && cat "$OUT/compile.txt"
  [[ -e $work/try/weights-1.safetensors ]] &&
    "$python" "$here/quantise.py" "$work/try" "$work/try/joined.safetensors"
  if [[ -d $TORCHINDUCTOR_CACHE_DIR ]]; then
    tar -C "$work" -cf - compiled triton 2>/dev/null | xz -1 -T8 >"$OUT/compiled.tar.xz"
    (($(stat -c %s "$OUT/compiled.tar.xz") < 15500000)) || rm "$OUT/compiled.tar.xz"
  fi
  say "done: $(ls -l "$OUT" | awk 'NR > 1 {print $9, $5}' | tr '\n' ' ')"
}

train() {
  local seconds=$1
  shift
  unpack "$@"
  local for_ablations=${ABLATION_SECONDS:-90}
  local main=$((seconds - $(since) - for_ablations - 8))
  say "training for $main s"
  # The processors are idle meanwhile: what the ablations need compiled is compiled one by one.
  if [[ -z ${TINY:-} && ${MODE:-compile} == compile ]]; then
    (
      sleep 60
      for variant in full plain-residual dense; do
        nice timeout 120 "$python" "$here/train.py" --data "$work/data" --out "$work/compile-only" \
          --shape "$small" "${ablation_options[@]}" --workers 1 --variant "$variant" --seed 1 \
          --steps 3 --windows 1 --holes 1
      done
    ) >"$work/compile-only.txt" 2>&1 &
    local compiling=$!
  fi
  local record
  for record in "${RECORD:-0}" 0; do  # a second time, the plain way, when it died early
    main=$((seconds - $(since) - for_ablations - 8))
    ((main > 60)) || break
    RECORD=$record timeout $((main + 15)) "$python" "$here/train.py" --data "$work/data" \
      --out "$work/main" "${options[@]}" --seconds "$main" 2>&1 | tee -a "$OUT/main.txt"
    [[ -e $work/main/result.json ]] && break
  done
  cp "$work"/main/weights-*.safetensors "$work/main/train.log" "$OUT/"
  cp "$work/main/result.json" "$OUT/result.json"
  if [[ -n ${compiling:-} ]]; then
    local children
    children=$(pgrep -P "$compiling")
    kill "$compiling" $children 2>/dev/null
  fi
  tail -n 30 "$work/compile-only.txt" 2>/dev/null | cut -c1-200
  say "$(ls -l "$OUT" | awk 'NR > 1 {print $9, $5}' | tr '\n' ' ')"
  local left=$((seconds - $(since) - 5))
  say "ablations for $left s"
  "$python" "$here/ablations.py" --data "$work/data" --out "$OUT/ablations.json" \
    --tokens "$ablation_tokens" --seconds "$left" --at-once "${AT_ONCE:-4}" \
    --shape "$small" -- "${ablation_options[@]}" \
    2>&1 | tee "$OUT/ablations.txt"
  say "done"
}

case $command in
  try) try "$@" ;;
  unpack) unpack "$@" ;;
  train) train "$@" ;;
  *) sed -n '2,14p' "$0"; exit 2 ;;
esac
