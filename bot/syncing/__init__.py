"""Reading the whole tenant: the first run, the nightly reconcile and ``xiaohu sync`` are the same walk."""
