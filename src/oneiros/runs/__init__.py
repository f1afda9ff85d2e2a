"""How one run is lived and kept, many of them beside each other, and where they are done."""
