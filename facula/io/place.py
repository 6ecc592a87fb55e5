"""Where the storages of a checkpoint go: `map_location` and the places that there are."""

from collections.abc import Callable, Mapping

from facula.io.words import printable
from facula.meta.device import device
from facula.storage import Storage

Place = Callable[[Storage, str], Storage]
MapLocation = str | device | Mapping[str, str] | Callable[[Storage, str], Storage | None] | None


def place_for(map_location: MapLocation) -> Place:
    """The function that moves a storage to where it belongs, given the place the file names."""
    if map_location is None:
        return _restored
    if isinstance(map_location, str | device):
        wanted = str(map_location)
        return lambda storage, location: _restored(storage, wanted)
    if isinstance(map_location, Mapping):
        places = map_location
        return lambda storage, location: _restored(storage, str(places.get(location, location)))
    if not callable(map_location):
        raise TypeError(
            "map_location must be a string, a torch.device, a dict or a callable, "
            f"got {type(map_location).__name__}"
        )
    choose = map_location

    def chosen(storage: Storage, location: str) -> Storage:
        found = choose(storage, location)
        if found is None:
            return _restored(storage, location)
        if not isinstance(found, Storage):
            name = type(found).__name__
            raise TypeError(f"map_location must return a storage or None, got {name}")
        return found

    return chosen


def _restored(storage: Storage, location: str) -> Storage:
    if location == "cpu":
        return storage
    if location.startswith("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )
    raise RuntimeError(
        "don't know how to restore data location of torch.storage.UntypedStorage "
        f"(tagged with {printable(location)})"
    )
