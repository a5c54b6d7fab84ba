"""What the bare libraries cost on the same ovens: one process, one uvloop, nothing kept and nobody told."""

# Names the variable with the answer of `bench.floors.page`.
BODY = "BENCH_BODY"
