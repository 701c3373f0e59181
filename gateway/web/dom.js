/* dom.js - a tree of plain values becomes the document with as few changes as possible.
 *
 * render.js makes the tree with h(), app.js lets patch() bring the page to it. Elements that stay the
 * same stay in place, so that a message that arrives between finger down and finger up takes no tap
 * away. What differs in `key` is another thing and never takes over an element. Text is only ever
 * written as text: nothing from outside becomes markup. */

const SVG_TAGS = new Set(['svg', 'path', 'circle', 'text', 'g']);

export function h(tag, props, ...children) {
    const kept = children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false
        && c !== '');
    return { tag, props: props ?? {}, children: kept };
}

function create(value) {
    if (typeof value !== 'object') {
        return document.createTextNode(String(value));
    }
    const element = SVG_TAGS.has(value.tag)
        ? document.createElementNS('http://www.w3.org/2000/svg', value.tag)
        : document.createElement(value.tag);
    element.madeFrom = { tag: value.tag, props: {} };
    update(element, value);
    if (value.props.initial !== undefined) {
        element.value = value.props.initial;
    }
    return element;
}

function isSame(node, value) {
    if (typeof value !== 'object') {
        return node.nodeType === Node.TEXT_NODE;
    }
    return node.madeFrom?.tag === value.tag && node.madeFrom.props.key === value.props.key;
}

function update(node, value) {
    if (typeof value !== 'object') {
        if (node.data !== String(value)) {
            node.data = String(value);
        }
        return;
    }
    const before = node.madeFrom.props;
    for (const name of new Set([...Object.keys(before), ...Object.keys(value.props)])) {
        const now = value.props[name];
        if (name === 'key' || name === 'initial' || now === before[name]) {
            continue;
        }
        if (now === undefined || now === null || now === false) {
            node.removeAttribute(name);
        } else {
            node.setAttribute(name, now === true ? '' : String(now));
        }
    }
    node.madeFrom = { tag: value.tag, props: value.props };
    patch(node, value.children);
}

export function patch(parent, values) {
    values.forEach((value, i) => {
        const here = parent.childNodes[i];
        if (here && isSame(here, value)) {
            update(here, value);
            return;
        }
        const hasKey = typeof value === 'object' && value.props.key !== undefined;
        const moved = hasKey
            ? [...parent.childNodes].slice(i + 1).find((node) => isSame(node, value)) : undefined;
        if (moved) {
            parent.insertBefore(moved, here);
            update(moved, value);
        } else {
            parent.insertBefore(create(value), here ?? null);
        }
    });
    while (parent.childNodes.length > values.length) {
        parent.lastChild.remove();
    }
}
