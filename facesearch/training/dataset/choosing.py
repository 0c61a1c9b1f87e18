"""Which photos and people a dataset is made of.

In: a source and options. Out: the photos to cut, in an order that does not depend on the file
system. After cutting, people who kept too few chips are left out, and so are chips that are
there twice. Photos beyond the most that are taken of a person are never looked at; they count
as if there were a face on each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from facesearch.errors import InvalidDataset
from facesearch.training.dataset.manifest import FAILURES
from facesearch.training.dataset.options import DatasetOptions
from facesearch.training.dataset.sources import Source, SourcePhoto, only_people
from facesearch.training.dataset.splitting import at_most


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to look at.

    Attributes:
        photos: by person and name.
        untaken: how many more photos of a person there are, by name: of those with too many.
        warnings: sentences for the user.
    """

    photos: Sequence[SourcePhoto] = ()
    untaken: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def choose_photos(source: Source, options: DatasetOptions) -> Chosen:
    """The photos to look at.

    Raises:
        PhotoNotFound, InvalidDataset, LibraryError: there are none, or of too few people.
    """
    place = source.describe()["path"]
    photos, warnings = source.photos()
    if options.people is not None:
        photos, more = only_people(photos, options.people, place)
        warnings += more
    photos = with_enough(photos, options.min_photos, place)
    untaken = Counter(photo.person for photo in photos)
    if options.max_photos is not None:
        photos = at_most(photos, options.max_photos, options.seed)
    untaken.subtract(photo.person for photo in photos)
    photos.sort(key=lambda photo: (photo.person, photo.photo, photo.face))
    return Chosen(photos, +untaken, warnings)


def with_enough(
    photos: Iterable[SourcePhoto],
    least: int,
    place: str,
    of: Chosen | None = None,
) -> list[SourcePhoto]:
    """The photos of people who have at least so many.

    Args:
        of: what was looked at, where the photos are those of it that are usable.

    Raises:
        InvalidDataset: they are fewer than two people.
    """
    found = list(photos)
    counts = Counter(photo.person for photo in found)
    more: Mapping[str, int] = {} if of is None else of.untaken
    enough = {person for person, count in counts.items() if count + more.get(person, 0) >= least}
    if len(enough) < 2:
        what, people, why = "photo" if least == 1 else "photos", len(counts), ""
        if of is not None:
            what, people = f"usable {what}", len({photo.person for photo in of.photos})
            if failed := len(of.photos) - len(found):
                why = f" ({failed:,} gave no chip: see {FAILURES} there)"
        raise InvalidDataset(
            place,
            f"of {people:,} people, {len(enough)} have at least {least} {what}{why}: a network "
            "needs two people to tell apart. Give more photos, or a smaller --min-photos",
        )
    return [photo for photo in found if photo.person in enough]
