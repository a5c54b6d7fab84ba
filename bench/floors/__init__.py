"""What the bare libraries cost on the same ovens: one process, one uvloop, nothing kept and nobody told."""
