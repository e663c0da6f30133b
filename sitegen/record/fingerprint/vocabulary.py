"""The names that the analysis knows: what is harmless, and what makes it take everything.

All else is taken for what it might be. Words are names as they stand, attributes with a dot
before them, keywords with a `=` after them.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _names_and_attributes(text: str) -> frozenset[str]:
    return _words(text) | {f".{word}" for word in text.split()}


READERS = _words(
    "print display len isinstance issubclass repr str int float bool complex id hash callable "
    "hasattr ord chr bin hex oct format ascii range"
)
"""Builtins that only look at their arguments, and give a value."""
OPERATORS = _words("abs round pow divmod type getattr super")
"""Builtins whose result may share with their arguments, like that of an operator."""
ITERATORS = _words("list tuple set frozenset dict sorted sum min max any all")
"""Builtins that go through the elements of their arguments, and so use up an iterator."""
LAZY_ITERATORS = _words("enumerate zip reversed")
"""The same, but not before their result is gone through."""
LOOKING = READERS | OPERATORS | ITERATORS | LAZY_ITERATORS | {"iter", "map", "filter", "vars"}
"""Builtins that change nothing but iterators."""
OF_VALUES = _words("abs round pow divmod min max sum tuple frozenset")
"""Builtins that give a value where all their arguments are values."""
MAKERS_OF_VALUES = _words(
    "re.compile torch.device pathlib.Path pathlib.PurePath fractions.Fraction"
)
"""Functions of other libraries that give a value where all their arguments are values."""
CONTAINERS = _words("list set dict sorted")
"""Builtins that give a fresh container."""
LOOKUPS = _words("items keys values get copy index count")
"""Methods that change no builtin container."""
TEXT_METHODS = _words("join format strip lower upper title replace ljust rjust center")
"""Methods of strings that give strings."""
VALUE_ATTRIBUTES = _words("shape ndim dtype device __name__")
IMMUTABLE_TYPES = _words("int float complex bool str bytes None torch.device torch.dtype")
KNOWN_NAMES = _words("__name__ __file__ __doc__ __builtins__ display")
"""What a lesson's namespace holds from the start, besides the builtins."""

CALLED_DECORATORS = _words(
    "staticmethod classmethod dataclass no_grad inference_mode contextmanager wraps override "
    "overload abstractmethod final total_ordering"
)
"""Decorators that keep nothing, of functions that stay functions to be called."""
STATELESS_DECORATORS = CALLED_DECORATORS | {"property", "setter"}
MUTATORS = _words(
    "append appendleft add update pop popleft popitem extend clear insert remove discard "
    "setdefault sort reverse write setattr delattr next send"
)
CALLED_OPENLY = _words(
    "__init__ __new__ __post_init__ __call__ __enter__ __exit__ __iter__ __next__ __contains__ "
    "__setattr__ __setitem__ __delattr__ __delitem__ __init_subclass__ __set_name__ __del__"
)
"""Special methods that run only where objects count as touched anyway."""

CLASS_OF_ANY = "class of any object"
"""Said of a function that assigns to the class of whatever it is given."""
DYNAMIC = (
    frozenset([CLASS_OF_ANY])
    | _words("eval exec globals locals __import__ builtins pkgutil runpy __main__ get_ipython")
    | _words(".__globals__ .__builtins__ .__subclasses__ .f_globals .f_locals .f_back sys.modules")
    | _names_and_attributes("import_module currentframe _getframe getmodule get_objects")
    | _names_and_attributes("get_referrers get_type_hints get_annotations __annotations__")
    | _words("unittest.main unittest.defaultTestLoader unittest.TestLoader doctest.testmod")
    | _words("doctest.run_docstring_examples cProfile.run profile.run pickle.load pickle.loads")
    | _words("pickle.Unpickler shelve.open")
)
"""Words after which any name may mean anything."""
CHANGES_WHEN_READ = _names_and_attributes("defaultdict cached_property")
"""Words after which reading an attribute or item may change an object."""
READS_LINES = _names_and_attributes(
    "getsourcelines findsource getframeinfo format_exc print_exc exception exc_info"
) | _words(
    "traceback dis doctest cProfile pstats tracemalloc exc_info= stack_info= inspect.stack "
    "inspect.trace .co_firstlineno .__code__ .tb_lineno .f_lineno .lineno"
)
"""Words after which line numbers may be read."""
READS_SOURCE = (
    READS_LINES
    | _names_and_attributes("getsource getdoc getcomments get_source __doc__ __file__ __path__")
    | _words("help linecache pydoc .__loader__ inspect")
)
"""Words after which comments and docstrings may be read too."""
READS_FILES = _names_and_attributes("open files get_data __file__ __path__") | _words(
    ".read_text .read_bytes .load .load_file .loadtxt .read_csv"
)
"""Words after which the data files of a package may be read."""
TELLING = DYNAMIC | CHANGES_WHEN_READ | READS_SOURCE | READS_FILES

WRITES_FILES = re.compile(
    r"write|save|dump$|mkdir|makedirs|touch$|unlink|rename|rmdir|rmtree|copy(file|tree)|symlink|"
    r"extractall|download|to_(csv|file|json|parquet)"
)
CHANGES_STATE = re.compile(
    r"set|seed|enable|disable|use(_|$)|register|unregister|reset|clear|install|configure|activate|"
    r"simplefilter|filterwarnings|basicConfig|chdir|putenv|patch|rc$|rc_|system$|run$|call$|check_|"
    r"[pP]open|remove|replace$|move$|chmod$|link$|reload$|add([A-Z_]|sitedir)"
)
"""How functions begin that are called for their effect, even where their result is used."""
SHARED = _words("getLogger getcontext gca gcf")
"""Functions that give what others get from them too."""
KEPT = _words(
    "os.environ sys.path sys.argv sys.meta_path sys.path_hooks warnings.filters logging.root "
    "matplotlib.rcParams matplotlib.pyplot.rcParams mimetypes.types_map"
)
"""Objects of other libraries that are there to be changed, by whoever they are passed to."""
HARMLESS_ACTS = _words(
    "random.seed numpy.random.seed torch.manual_seed torch.random.manual_seed "
    "torch.cuda.manual_seed torch.cuda.manual_seed_all torch.cuda.synchronize "
    "torch.cuda.empty_cache torch.cuda.current_stream torch.cuda.Stream "
    "torch.testing.assert_close numpy.testing.assert_allclose "
    "numpy.testing.assert_array_equal matplotlib.pyplot.show IPython.display.display "
    "matplotlib.rc_context matplotlib.pyplot.rc_context gc.collect time.sleep warnings.warn "
    "dataclasses.replace copy.replace"
)
"""Calls that leave nothing behind: every unit is seeded anew, and every figure is closed."""


def leaves_traces(path: str) -> bool:
    """Whether a call outside the library, made for its effect, may change more than arguments."""
    name = path.rpartition(".")[2]
    in_place = name.endswith("_") and not name.endswith("__")
    return not in_place and path not in HARMLESS_ACTS


def changes_what_is_kept(path: str) -> bool:
    """Whether a call changes what a module holds: `sys.path.append`, but not `numpy.append`."""
    return path.rpartition(".")[2] in MUTATORS and path.count(".") > 1
