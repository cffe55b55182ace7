"""Ray's private names do what a session expects of them."""

from __future__ import annotations

import ray
from ray.tune.search.basic_variant import BasicVariantGenerator

from automodel_sk.search.ray import upstream


def test_messages_of_processes_are_muted_and_come_back():
    printer = ray._private.worker.print_to_stdstream
    with upstream.mute_messages():
        assert ray._private.worker.print_to_stdstream is not printer
        ray._private.worker.print_to_stdstream({"lines": ["a message"]}, False)
    assert ray._private.worker.print_to_stdstream is printer


def test_the_token_is_read_again():
    assert hasattr(ray._raylet, "AuthenticationTokenLoader")
    upstream.forget_token()


def test_ray_takes_a_folder_for_its_files():
    assert "``_temp_dir``" in str(ray.init.__doc__)


def test_random_variants_have_a_seeded_generator():
    drawn = [
        upstream.random_state_of(BasicVariantGenerator(random_state=7)).uniform() for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
