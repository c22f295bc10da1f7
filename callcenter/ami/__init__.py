"""The AMI adapter: one hardened link over panoramisk, typed events out, checked actions in."""
