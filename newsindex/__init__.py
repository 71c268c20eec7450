"""newsindex: full-text search for Django sites that finds the paragraph, not just the page.

Import what you need from the module that owns it:

    from newsindex.searching import search
    from newsindex.sources import Source, register
"""

__version__ = "0.1.0"
