/* proto.mjs - holds what the page and the mock say to the words of proto/samlarm/v1, as canonical JSON:
 * the real gateway refuses a field that it does not know, so the tests must too. Reads just as much of
 * the proto language as these files use. */

import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../proto/samlarm/v1/', import.meta.url);
const messages = new Map(); /* name -> Map(field in JSON -> { type, isRepeated, oneof }) */
const enums = new Map();    /* name -> Set of names */

for (const file of ['alarm.proto', 'client.proto']) {
    read(readFileSync(new URL(file, FOLDER), 'utf8').replace(/\/\/.*$/gm, ''));
}

function camel(name) {
    return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

function read(text) {
    for (const [, name, body] of text.matchAll(/\benum\s+(\w+)\s*\{([^}]*)\}/g)) {
        enums.set(name, new Set([...body.matchAll(/(\w+)\s*=/g)].map((m) => m[1])));
    }
    for (const [, name, body] of text.matchAll(/\bmessage\s+(\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}/g)) {
        const fields = new Map();
        const inner = body.replace(/\boneof\s+(\w+)\s*\{([^}]*)\}/g, (_, oneof, list) => {
            take(list, fields, oneof);
            return '';
        });
        take(inner, fields, '');
        messages.set(name, fields);
    }
}

function take(text, fields, oneof) {
    for (const [, repeated, type, name] of text.matchAll(/(repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*\d+/g)) {
        fields.set(camel(name), { type, isRepeated: Boolean(repeated), oneof });
    }
}

const SCALARS = {
    string: (v) => typeof v === 'string',
    bool: (v) => typeof v === 'boolean',
    bytes: (v) => typeof v === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(v) && v.length % 4 === 0,
    int32: (v) => Number.isInteger(v) && Math.abs(v) < 2 ** 31,
    uint32: (v) => Number.isInteger(v) && v >= 0 && v < 2 ** 32,
    int64: (v) => typeof v === 'string' && /^-?\d+$/.test(v),
    uint64: (v) => typeof v === 'string' && /^\d+$/.test(v),
};

/* What is wrong with the value as a message of this name; [] when nothing is. */
export function faultsOf(name, value, path = name) {
    const fields = messages.get(name);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return [`${path} is no object`];
    }
    const used = Object.keys(value).filter((key) => fields.get(key)?.oneof);
    const faults = used.length > 1 ? [`${path} says ${used.join(' and ')} at once`] : [];
    for (const [key, item] of Object.entries(value)) {
        const field = fields.get(key);
        if (!field) {
            faults.push(`${path}.${key} is unknown`);
        } else if (field.isRepeated) {
            faults.push(...item.flatMap((each, i) => fieldFaults(field, each, `${path}.${key}[${i}]`)));
        } else {
            faults.push(...fieldFaults(field, item, `${path}.${key}`));
        }
    }
    return faults;
}

function fieldFaults({ type }, value, path) {
    if (messages.has(type)) {
        return faultsOf(type, value, path);
    }
    const isRight = enums.has(type) ? enums.get(type).has(value) : SCALARS[type](value);
    return isRight ? [] : [`${path} is ${JSON.stringify(value)}, not ${type}`];
}
