from orchestrix.eventsourcing import Snapshot
from orchestrix.infrastructure.memory import utils
from orchestrix.messaging import Event


async def test_the_utils_path_has_the_async_objects_under_the_sync_names() -> None:
    store, bus = utils.InMemoryEventStore(), utils.InMemoryMessageBus()
    heard: list[Event] = []
    bus.subscribe(Event, heard.append)
    event, snapshot = Event(), Snapshot("a", "Account", 0, {})

    await store.save_async("a", [event])
    await store.save_snapshot_async(snapshot)
    await bus.publish_async(event)

    assert await store.load_async("a") == await store.load("a") == [event] == heard
    assert await store.load_snapshot_async("a") == snapshot
