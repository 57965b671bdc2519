"""What is refused before anything is handled."""

from collections.abc import Sequence
from typing import Any

from orchestrix.eventsourcing.page import Page
from orchestrix.eventsourcing.projections.bare_feed import is_seen
from orchestrix.eventsourcing.projections.errors import FeedError, GapInFeed, NotTheLog
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.settings import Settings
from orchestrix.projection_state import Feed


def check_chunk(
    feed: Feed, items: Sequence[Any], page: Page | None, progress: Progress, settings: Settings
) -> None:
    """Refuse a chunk that would skip or mix something.

    Raises:
        MixedFeed: It is of the other kind.
        FeedError: It is bare, and the projection starts in the middle of a log.
        NotTheLog: It is a page of another store.
        GapInFeed: It is a page that begins above the checkpoint, or leaves out what failed.
    """
    progress.check_feed(feed)
    projection_id, start = settings.projection_id, settings.start
    if feed == "bare" and start != "beginning":
        raise FeedError(
            f"projection {projection_id!r} starts at {start} of a log and was fed bare "
            "events; feed pages of read_all()"
        )
    if page is not None:
        _check_page(page, items, progress, projection_id)


def _check_page(page: Page, items: Sequence[Any], progress: Progress, projection_id: str) -> None:
    if progress.store_id not in (None, page.store_id):
        raise NotTheLog(
            f"projection {projection_id!r} counts positions of store {progress.store_id!r} and "
            f"was fed a page of store {page.store_id!r}; feed it from its own store, or replay"
        )
    if page.after_position > progress.position:
        raise GapInFeed(projection_id, progress.position, page.after_position)
    failed = progress.failed_position or page.last_position + 1
    if failed <= page.last_position and all(each.position != failed for each in items):
        raise GapInFeed(projection_id, progress.position, failed, failed)


def end_of(feed: Feed, items: Sequence[Any], progress: Progress) -> int:
    """Return where the checkpoint will be after `items`."""
    if feed == "recorded":
        return items[-1].position if items else 0
    return progress.position + len({each.id for each in items if not is_seen(each, progress)})
