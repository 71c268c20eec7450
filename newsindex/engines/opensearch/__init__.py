"""The distributed engine: OpenSearch. The only package that imports opensearchpy."""

from newsindex.engines.opensearch.engine import OpenSearchEngine

__all__ = ["OpenSearchEngine"]
