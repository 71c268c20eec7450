"""How good the answers are: judged questions, newsindex and its peers in one run."""
