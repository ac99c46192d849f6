"""Programs that maintain the repository and make its releases; no part of any distribution."""
