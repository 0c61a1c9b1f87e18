"""What the command line may say is what the models know: two lists that must stay one."""

from __future__ import annotations

import pytest

from facesearch.cli.models import adding
from facesearch.cli.session import DeviceName, EngineName
from facesearch.models.base import Device, Engine
from facesearch.models.heads import Head
from facesearch.models.preprocessing import Channels, Layout
from facesearch.models.templates import TemplateFamily


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (DeviceName, Device),
        (EngineName, Engine),
        (adding.TemplateName, TemplateFamily),
        (adding.HeadName, Head),
        (adding.ChannelName, Channels),
        (adding.LayoutName, Layout),
    ],
)
def test_the_names_are_the_same(said, known):
    assert [name.value for name in said] == [name.value for name in known]
