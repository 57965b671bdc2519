"""Segments: shares of a projection's work, as pure rules.

A key belongs to exactly one of the segments that cover a projection, in every process and for
ever. A segment is a number and a mask: it takes the keys whose hash, masked, is its number. This
is how Axon Framework splits its event processors' work.
Source: Axon Framework reference guide, streaming event processors, "Segments".
"""

from collections.abc import Collection
from dataclasses import dataclass
from zlib import crc32

MASK_LIMIT = 0xFFFF_FFFF
"""Hashes have 32 bits, so no mask has more."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A share of the keys.

    Attributes:
        number: What the masked hash of its keys is; from 0 to `mask`.
        mask: Ones in its lowest bits: 0, 1, 3, 7 and so on.

    Raises:
        ValueError: `mask` is no mask, or `number` does not lie in it.
    """

    number: int = 0
    mask: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.mask <= MASK_LIMIT or self.mask & (self.mask + 1):
            raise ValueError(f"a mask is 0, 1, 3, 7 and so on to {MASK_LIMIT}, found {self.mask}")
        if not 0 <= self.number <= self.mask:
            raise ValueError(f"a segment's number is from 0 to {self.mask}, found {self.number}")

    def takes(self, key: str) -> bool:
        """Say whether `key` belongs to this segment."""
        return key_hash(key) & self.mask == self.number

    def split(self) -> tuple["Segment", "Segment"]:
        """Return two segments that take what this one takes, about half each.

        Raises:
            ValueError: The mask has all its bits already.
        """
        if self.mask == MASK_LIMIT:
            raise ValueError(f"{self} cannot be split further")
        mask = self.mask << 1 | 1
        return Segment(self.number, mask), Segment(self.number | self.mask + 1, mask)

    def sibling(self) -> "Segment":
        """Return the segment that this one can be merged with.

        Raises:
            ValueError: This segment takes every key.
        """
        if self.mask == 0:
            raise ValueError("the whole has no sibling; there is nothing to merge it with")
        return Segment(self.number ^ (self.mask + 1 >> 1), self.mask)

    def merge(self, other: "Segment") -> "Segment":
        """Return the segment that takes what this one and its sibling take.

        Raises:
            ValueError: `other` is not the sibling.
        """
        if self.mask == 0 or other != self.sibling():
            raise ValueError(f"{self} merges with its sibling only, found {other}")
        mask = self.mask >> 1
        return Segment(self.number & mask, mask)


WHOLE = Segment()
"""The segment that takes every key; what a projection has until it is split."""


def key_hash(key: str) -> int:
    """Return a number of 32 bits that is the same for `key` in every process."""
    return crc32(key.encode("utf-8", "surrogatepass"))


def is_cover(segments: Collection[Segment]) -> bool:
    """Say whether every key belongs to exactly one of `segments`."""
    left = sorted(segments, key=lambda each: each.mask)
    while len(left) > 1:
        last = left.pop()
        if last.mask == 0 or last.sibling() not in left:
            return False
        left.remove(last.sibling())
        left.append(last.merge(last.sibling()))
        left.sort(key=lambda each: each.mask)
    return left == [WHOLE]
