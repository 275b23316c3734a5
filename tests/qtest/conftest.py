# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine for each test: @options("-device", "edu") says of what; without, it is the default one."""

import pytest

from tenon_qtest import Machine


@pytest.fixture
def m(request):
    mark = request.node.get_closest_marker("options")
    with Machine(*(mark.args if mark else ())) as machine:
        yield machine


def pytest_configure(config):
    config.addinivalue_line("markers", "options(*words): the machine's command line")
