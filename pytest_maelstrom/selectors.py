"""What filters may ask of a case of pytest. Pure."""

from maelstrom_core.filters import Kind, Selector, Selectors

SELECTORS = Selectors(
    [
        Selector(name="name", shortest="na", field="name", help="the function, with parameters"),
        Selector(name="node_id", shortest="no", field="details.node id", help="all of the node id"),
        Selector(
            name="file", shortest="f", field="file", help="path of the file, from the rootdir"
        ),
        Selector(name="package", shortest="p", field="package", help="always `default`"),
        Selector(
            name="markers",
            shortest="markers",
            field="markers",
            kind=Kind.NAMES,
            help="names of marks, those of its class and module too",
        ),
        Selector(
            name="own_markers",
            shortest="own",
            field="details.own markers",
            kind=Kind.NAMES,
            help="names of marks of the function itself",
        ),
    ]
)
