"""Pieces of photos as pictures in a page."""

from __future__ import annotations

import base64
import io

import numpy as np
import PIL.Image
import pytest
import skimage.data

from facesearch.errors import PhotoUnreadable
from facesearch.photos.pictures import crop_region, face_picture, photo_picture
from facesearch.values import Box, Size


@pytest.fixture
def astronaut(tmp_path):
    path = tmp_path / "astronaut.jpg"
    PIL.Image.fromarray(skimage.data.astronaut()).save(path, quality=95)
    return str(path)


def pixels(picture):
    prefix, encoded = picture.data_uri.split(",")
    assert prefix == "data:image/jpeg;base64"
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(encoded))))


@pytest.mark.parametrize(
    ("box", "region"),
    [
        (Box(200, 200, 40, 50), Box(165, 170, 110, 110)),
        (Box(0, 5, 50, 40), Box(0, 0, 110, 110)),  # moved into the photo
        (Box(620, 460, 50, 50), Box(530, 370, 110, 110)),
        (Box(100, 100, 300, 400), Box(10, 0, 480, 480)),  # as much as there is
    ],
)
def test_a_crop_is_a_square_within_the_photo(box, region):
    found = crop_region(box, Size(640, 480))
    assert (found.x, found.y) == pytest.approx((region.x, region.y))
    assert (found.width, found.height) == pytest.approx((region.width, region.height))


def test_a_face_is_cut_out_and_its_box_found_again(astronaut):
    picture = face_picture(astronaut, Box(180, 80, 80, 100), side_px=110)
    assert picture.region.iou(Box(110, 20, 220, 220)) > 0.999
    shown = pixels(picture)
    assert shown.shape == (110, 110, 3)
    whole = PIL.Image.fromarray(skimage.data.astronaut())
    expected = np.asarray(whole.crop((110, 20, 330, 240)).resize((110, 110)))
    assert np.abs(shown.astype(int) - expected).mean() < 6
    place = picture.place(Box(180, 80, 80, 100))
    assert (place.x, place.y) == pytest.approx((100 * 70 / 220, 100 * 60 / 220))
    assert (place.width, place.height) == pytest.approx((100 * 80 / 220, 100 * 100 / 220))


def test_small_faces_are_not_enlarged(astronaut):
    assert pixels(face_picture(astronaut, Box(180, 80, 20, 20), side_px=400)).shape == (44, 44, 3)


def test_a_large_photo_read_at_reduced_scale_shows_the_same_place(tmp_path):
    """The box is in full-size pixels, whatever scale the photo was decoded at."""
    large = PIL.Image.fromarray(skimage.data.astronaut()).resize((4096, 4096))
    path = tmp_path / "large.jpg"
    large.save(path)
    picture = face_picture(str(path), Box(1440, 640, 640, 800), side_px=110)
    expected = np.asarray(large.crop((880, 160, 2640, 1920)).resize((110, 110)))
    assert np.abs(pixels(picture).astype(int) - expected).mean() < 6


def test_a_photo_is_shown_upright(tmp_path):
    upright = PIL.Image.fromarray(skimage.data.astronaut()[:, :256])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    path = tmp_path / "turned.jpg"
    upright.transpose(PIL.Image.Transpose.ROTATE_90).save(path, exif=exif)
    picture = photo_picture(str(path), side_px=256)
    assert picture.size == Size(128, 256)
    expected = np.asarray(upright.resize((128, 256)))
    assert np.abs(pixels(picture).astype(int) - expected).mean() < 6


def test_a_box_beyond_the_edge_is_no_trouble(astronaut):
    picture = face_picture(astronaut, Box(-30, 480, 60, 60), side_px=100)
    assert picture.region.iou(Box(0, 380, 132, 132)) > 0.999


def test_a_photo_that_is_gone_is_an_error_with_its_reason(tmp_path):
    with pytest.raises(PhotoUnreadable):
        photo_picture(str(tmp_path / "gone.jpg"), side_px=100)
