"""Files as they lie on a disk: opening, reading, recognising and writing them; neither engine nor money."""
