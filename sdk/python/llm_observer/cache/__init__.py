"""What should the provider's prompt cache have saved, and what broke it? Pure, with no text kept."""
