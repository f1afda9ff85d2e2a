"""What is measured: probes (brain -> arrays) and metrics (arrays -> numbers)."""
