"""The product with a simulated phone network: for newcomers (`serve`) and as a check of everything (`once`)."""

from callcenter.demo.interactive import serve
from callcenter.demo.once import DemoFailed, once

__all__ = ["DemoFailed", "once", "serve"]
