"""Outside services behind small interfaces, each with a labelled simulator."""
