"""What measures and publishes: speed, comparisons with peers, how constants were chosen, results, chaos.

Not part of the wheel. `python -m bench` lists what there is.
"""
