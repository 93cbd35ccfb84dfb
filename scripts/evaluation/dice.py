"""Where does chance come from? Dice that fall the same way for the same seed."""

from random import Random

__all__ = ["chance", "dice"]


def dice(*seed: object) -> Random:
    """Dice of their own for *seed*."""
    return Random(":".join(str(part) for part in seed))  # noqa: S311 -- test data, no secret


def chance(rng: Random, share: float) -> bool:
    """True in *share* of all throws."""
    return rng.random() < share
