"""``xiaohu doctor``: looks at an installation and says what is wrong and where to put it right."""
