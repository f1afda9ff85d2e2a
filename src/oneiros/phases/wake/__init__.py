"""Day phases that learn from the batch they meet."""
