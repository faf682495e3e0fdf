"""Pictures: from what a request holds to pixels and pairs of a dual encoder. No torch and no HTTP framework."""
