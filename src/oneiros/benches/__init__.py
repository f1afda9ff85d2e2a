"""What single benchmarks need; `oneiros.bench` lists them."""
