"""A forked child: its parent's actors are not in it, which whoever asks is told, and the parent goes on.

Each test forks in a program of its own: the tests' process has threads that it must not lose.
"""

import sys
from pathlib import Path
from textwrap import dedent
from threading import Event

import pytest

from loopback import Fault, LoopbackServer
from programs import Program
from projects import asset, project
from terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

DATA = bytes(range(256)) * 1000
SETUP = """
    import asyncio, atexit, multiprocessing, os, signal, sys, threading
    from pathlib import Path
    import pykka
    from openmas_assets.actors import AssetManager, AssetStore, AssetSystem, PluginDispatcher
    from openmas_assets.messages import *
    from openmas_assets.messages.plugin import CallPlugin

    def say(*words):
        sys.stdout.write(" ".join(map(str, words)) + "\\n")

    def told(work):
        try:
            say("no error but", work())
        except AssetError as error:
            say(type(error).__name__, str(error).replace(str(os.getppid()), "PARENT"))

    def in_child(work):
        \"\"\"Fork; say how the child ends that does this and then leaves as programs do.\"\"\"
        child_id = os.fork()
        if child_id == 0:
            signal.alarm(20)  # ends whoever hangs
            work()
            sys.exit(7)
        say("the child ended with", os.waitstatus_to_exitcode(os.waitpid(child_id, 0)[1]))

    def open_manager(**options):
        options = {"cache_dir": sys.argv[1], "on_progress": lambda _: None} | options
        return AssetManager(ProjectConfig.model_validate_json(sys.argv[2]), **options)
"""
ENDED = "the child ended with 7"


def stayed(asked: str) -> str:
    return (
        f"ActorClosedError {asked} runs in process PARENT, of which this one is a fork. "
        "Open another one in this process."
    )


def said_by(code: str, cache_path: Path, *urls: str) -> list[str]:
    """What a program says that opens managers on a project with these assets: a0, a1, …"""
    with _program(code, cache_path, *urls) as program:
        done = program.wait(60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.splitlines()


def _program(code: str, cache_path: Path, *urls: str) -> Program:
    declared = project(*(asset(f"a{number}", url) for number, url in enumerate(urls)))
    return Program(dedent(SETUP) + dedent(code), cache_path, declared.model_dump_json(exclude_unset=True))


def test_who_asks_in_a_child_is_told_at_once_and_the_parent_is_answered_as_before(cache_path: Path) -> None:
    code = """
        system = AssetSystem(open_manager())
        config = {"info": {"title": "lab"}, "commands": [{"command_name": "go"}]}
        system.plugins.register(config, lambda command, param: "done")
        lab = {"role": "plugin", "name": "lab"}
        call = {"receiver": lab, "content_type": "command", "content": {"command": "go"}}
        ref = system.asset_store.put("content")

        def work():
            manager, store, plugins = system.asset_manager, system.asset_store, system.plugins
            told(lambda: manager.ask(GetAssetPath(name="a")).get())
            told(lambda: asyncio.run(manager.list()))
            told(lambda: asyncio.run(manager.get_asset_path("a")))
            told(lambda: store.put(1))
            told(ref.resolve)
            told(lambda: len(store))
            told(lambda: store.allow_properties(int, "real"))
            told(lambda: store.add_renderer("text/plain", int, str))
            told(lambda: plugins.call(call))
            told(lambda: asyncio.run(plugins.acall(call)))
            told(lambda: plugins.register({**config, "info": {"title": "other"}}, print))
            told(lambda: manager.actor_ref.tell(ListAssets()))
            say(pykka.ActorRegistry.stop_all())

        in_child(work)
        say(system.asset_manager.ask(ListAssets()).get().assets, ref.resolve().content)
        say(system.plugins.call(call)["content"]["response"])
        system.close()
    """
    manager, store, plugins = "the asset manager", "the asset store", "the plugin dispatcher"
    told = [manager] * 3 + [store] * 5 + [plugins] * 3 + ["the actor"]
    said = said_by(code, cache_path)
    assert said == [*map(stayed, told), str([False] * 4), ENDED, "() content", "done"]


def test_who_was_waiting_for_an_answer_when_the_process_forked_is_told_in_the_child(
    cache_path: Path, server: LoopbackServer
) -> None:
    code = """
        manager = open_manager()
        replies = [manager.ask(GetAssetPath(name="a0")) for _ in range(7)]
        mapped = replies[0].then(lambda answer: answer.path)
        derived = replies[1].map(lambda answer: answer.path)
        replies[6].add_done_callback(lambda _: say("called back in the parent only"))

        async def wait(reply):
            return await reply

        def work():
            told(replies[0].get)
            told(mapped.get)
            told(derived.get)
            told(lambda: asyncio.run(wait(replies[2])))
            replies[3].add_done_callback(lambda reply: told(reply.get))
            say(replies[4].cancel(), replies[5].is_done)
            told(replies[6].get)

        in_child(work)
        say("parent", {reply.get(timeout=30).path.stat().st_size for reply in replies})
        manager.close()
    """
    gate = Event()
    url = server.put("/a", DATA, faults=[Fault(stall_after=1000, gate=gate)])
    with _program(code, cache_path, url) as program:
        lines = program.lines()
        told = stayed("the asset manager")
        assert [next(lines) for _ in range(8)] == [*[told] * 5, "False True", told, ENDED]
        gate.set()
        assert next(lines) == "called back in the parent only"
        assert next(lines) == f"parent {{{len(DATA)}}}"
    assert server.count("GET", "/a") == 1


@pytest.mark.parametrize(
    "work",
    [
        "lambda: None",  # at exit
        "manager.close",
        "lambda: manager.__exit__(None, None, None)",
        "lambda: asyncio.run(manager.__aexit__(None, None, None))",
        "AssetSystem(manager).close",
        "pykka.ActorRegistry.stop_all",
    ],
)
def test_whatever_a_child_closes_its_parents_transfer_goes_on(
    cache_path: Path, server: LoopbackServer, work: str
) -> None:
    code = f"""
        has_begun = threading.Event()
        manager = open_manager(on_progress=lambda progress: progress.bytes_done and has_begun.set())
        reply = manager.ask(GetAssetPath(name="a0"))
        seen = lambda: sorted(path.relative_to(sys.argv[1]) for path in Path(sys.argv[1]).rglob("*"))
        has_begun.wait()
        before = seen()
        in_child({work})
        say(seen() == before)
        with open_manager() as other:
            told(other.ask(ClearAsset(name="a0")).get)
        say(reply.get(timeout=30).path.stat().st_size)
        manager.close()
    """
    gate = Event()
    url = server.put("/a", DATA, faults=[Fault(stall_after=1000, gate=gate)])
    with _program(code, cache_path, url) as program:
        lines = program.lines()
        assert next(lines) == ENDED
        assert next(lines) == "True"
        assert "it is being transferred" in next(lines)  # its lock is held
        gate.set()
        assert next(lines) == str(len(DATA))
    assert server.count("GET", "/a") == 1


def test_locks_that_other_threads_held_when_the_process_forked_hold_nobody_up(cache_path: Path) -> None:
    code = """
        manager = open_manager()
        reply = manager.ask(ListAssets())
        pending = type(reply)()
        done = threading.Event()

        def hold(*locks):
            with contextlib.ExitStack() as stack:
                for lock in locks:
                    stack.enter_context(lock)
                held.set()
                done.wait()

        import contextlib
        held = threading.Event()
        locks = (pykka.ActorRegistry._actor_refs_lock, manager._close_lock, pending._lock)
        holder = threading.Thread(target=hold, args=locks)
        holder.start()
        held.wait()

        def work():
            told(manager.ask(ListAssets()).get)
            told(pending.get)
            manager.close()
            with open_manager() as own:
                say(own.ask(ListAssets()).get().assets)

        in_child(work)
        done.set()
        holder.join()
        manager.close()
    """
    said = said_by(code, cache_path)
    assert said == [*[stayed("the asset manager")] * 2, "()", ENDED]


def test_a_child_opens_its_own_which_work_also_in_a_child_of_its_child(
    cache_path: Path, server: LoopbackServer
) -> None:
    code = """
        manager = open_manager()
        manager.ask(GetAssetPath(name="a0")).get()

        def work():
            with open_manager() as own:
                say(own.ask(GetAssetPath(name="a1")).get().path.stat().st_size)
                in_child(lambda: (told(own.ask(ListAssets()).get), say_about_the_grandparent()))
                say(own.ask(GetAssetPath(name="a0")).get().path.stat().st_size)
            told(own.ask(ListAssets()).get)

        def say_about_the_grandparent():
            try:
                manager.ask(ListAssets()).get()
            except AssetError as error:
                say(str(process_id) in str(error))

        process_id = os.getpid()
        in_child(work)
        say(manager.ask(GetAssetPath(name="a1")).get().path.stat().st_size)
        manager.close()
    """
    urls = [server.put(f"/a{number}", DATA) for number in range(2)]
    size = str(len(DATA))
    assert said_by(code, cache_path, *urls) == [
        size,
        stayed("the asset manager"),
        "True",
        ENDED,
        size,
        "ActorClosedError the asset manager is closed. Open a new one, or ask before closing it.",
        ENDED,
        size,
    ]
    assert len(server.requests) == 2


def test_what_was_closed_before_the_fork_is_closed_in_the_child(cache_path: Path) -> None:
    code = """
        manager = open_manager()
        manager.close()
        manager.actor_ref.actor_stopped.wait()
        in_child(lambda: told(manager.ask(ListAssets()).get))
    """
    [text, ended] = said_by(code, cache_path)
    assert "the asset manager is closed" in text
    assert ended == ENDED


def test_workers_of_multiprocessing_are_told_and_open_their_own(
    cache_path: Path, server: LoopbackServer
) -> None:
    code = """
        manager = open_manager()

        def work(name):
            signal.alarm(20)
            told(manager.ask(ListAssets()).get)
            with open_manager() as own:
                return own.ask(GetAssetPath(name=name)).get().path.stat().st_size

        with multiprocessing.get_context("fork").Pool(2) as pool:
            say(pool.map(work, ["a0"] * 4, chunksize=1))
        say(manager.ask(GetAssetPath(name="a0")).get().path.stat().st_size)
        manager.close()
    """
    said = said_by(code, cache_path, server.put("/a", DATA))
    assert sorted(said) == sorted([stayed("the asset manager")] * 4 + [str([len(DATA)] * 4), str(len(DATA))])
    assert server.count("GET", "/a") == 1


def test_an_actor_whose_own_thread_forks_does_not_run_twice(cache_path: Path, server: LoopbackServer) -> None:
    code = """
        def show(news):
            if news.phase == "finished":
                child_id = os.fork()
                if child_id == 0:
                    signal.alarm(20)
                else:
                    say(os.waitstatus_to_exitcode(os.waitpid(child_id, 0)[1]))

        manager = open_manager(on_progress=show)
        manager.ask(GetAssetPath(name="a0")).get()
        manager.close()
    """
    assert said_by(code, cache_path, server.put("/a", DATA)) == ["0"]


def test_a_child_draws_no_bar_and_leaves_its_parents_alone(
    cache_path: Path, tmp_path: Path, server: LoopbackServer
) -> None:
    code = """
        manager = open_manager(on_progress=None)
        reply = manager.ask(GetAssetPath(name="a0"))
        sys.stdin.readline()

        def mark(title):
            print(end=f"\\x1b]0;{title}\\x07", flush=True)

        mark("forking")
        child_id = os.fork()
        if child_id == 0:
            sys.exit()
        os.waitpid(child_id, 0)
        mark("the child has ended")
        sys.stdin.readline()
        manager.close()
    """
    script = tmp_path / "script.py"
    script.write_text(dedent(SETUP) + dedent(code))
    declared = project(asset("a0", server.put("/a", DATA, faults=[Fault(stall_after=100_000)])))
    with Terminal(script, str(cache_path), declared.model_dump_json(exclude_unset=True)) as terminal:
        terminal.wait_for("/256k")
        terminal.type("\n")
        terminal.wait_for("the child has ended")
        between = terminal.text.partition("forking\x07")[2].partition("\x1b]0;the child")[0]
        assert between == ""
        terminal.type("\n")
        assert terminal.wait() == 0
