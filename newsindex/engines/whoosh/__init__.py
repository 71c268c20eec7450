"""The embedded engine: Whoosh's segments, searched over numpy arrays. The only package that imports whoosh or numpy."""

from newsindex.engines.whoosh.engine import WhooshEngine

__all__ = ["WhooshEngine"]
