"""``xiaohu rehearse``: the program's own parts on a virtual clock beside a simulated tenant."""
