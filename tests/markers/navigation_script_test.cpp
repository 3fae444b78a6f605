// Navigation in JavaScript, TypeScript and TSX.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("javascript navigation: an exported function") {
  check(R"(
//- /core.js
const s = "$~";
export function [[def:run]](n) { return n; }
//- /app.js
import { [[import:run]] } from "./core";
class [[app:App]] { [[start:start]]() { const t = "$~"; return $0[[u1:run]](1); } }
const [[later:later]] = () => [[u2:run]](2);
//? definition -> def
//? declaration -> import
//? uses -> import, u1, u2
//? callers -> start, later
//? calls-of -> u1, u2
//? rename walk -> def, import, u1, u2
)");
}

TEST_CASE("javascript navigation: shorthand properties") {
  check(R"(
//- /a.js
const $0[[def:size]] = 1;
const box = { [[short:size]], color: 2 };
console.log("$~", [[use:size]], box.color);
//? references -> def, short, use
//? ask textDocument/rename {"newName": "width"} /documentChanges/0/edits/1/newText -> "size: width"
)");
}

TEST_CASE("javascript navigation: classes") {
  check(R"(
//- /base.js
export class [[base:Base]] { [[run:run]]() {} }
//- /a.js
import { Base } from "./base";
class [[one:One]] extends Base { [[one_run:run]]() { super.[[s:run]](); } }
class [[two:Two]] extends One {}
const x = new $0One();
const t = "$~"; x.[[call:run]]();
//? supertypes -> base
//? subtypes -> two
//? subtypes@base -> one
//? implementation@base -> one, two
//? implementation@run -> one_run
//? declaration@one_run -> run
)");
}

TEST_CASE("javascript navigation: require and module.exports") {
  check(R"(
//- /core.js
function [[def:run]]() {}
module.exports = { run };
//- /app.js
const { [[bind:run]] } = require("./core");
const t = "$~"; $0[[use:run]]();
//? definition first def
)");
}

TEST_CASE("javascript navigation: what cannot be renamed") {
  check(R"(
//- /a.js
function $0run() {}
function walk() {}
[[lib:console]].log("$~");
[[kw:return]];
//? ask textDocument/rename {"newName": "walk"} /error/message contains "taken"
//? ask textDocument/rename {"newName": "await"} /error/message contains "keyword"
//? ask textDocument/rename {"newName": "$ok"} /error -> null
//? ask@lib textDocument/prepareRename /error/message contains "not known"
//? ask@kw textDocument/prepareRename /error/message contains "keyword"
)");
}

TEST_CASE("typescript navigation: interfaces") {
  check(R"(
//- /shape.ts
export interface [[shape:Shape]] { [[area:area]](): number; }
//- /square.ts
import { Shape } from "./shape";
export class [[square:Square]] implements Shape { [[square_area:area]]() { return 1; } }
export class [[big:Big]] extends Square { [[big_area:area]]() { return 2; } }
//- /app.ts
import { Shape } from "./shape";
const s = "$~"; function twice(x: $0Shape) { return x.[[use:area]]() * 2; }
//? definition -> shape
//? implementation -> square, big
//? subtypes -> square
//? implementation@area -> square_area, big_area
//? declaration@square_area -> area
//? rename@area surface -> area, square_area, big_area, use
)");
}

TEST_CASE("typescript navigation: types of values and members") {
  check(R"(
//- /a.ts
class [[row:Row]] { [[cells:cells]]: string[] = []; [[first:first]]() { return this.[[own:cells]][0]; } }
function [[make:make]](): Row { return new Row(); }
const a = new Row();
let b: Row;
const s = "$~"; $0a.[[u1:cells]].length; [[vb:b]].[[u2:first]](); [[vm:make]]();
//? type-definition -> row
//? type-definition@vb -> row
//? type-definition@vm -> row
//? uses@cells -> own, u1
//? rename@cells items -> cells, own, u1
//? callers@first -> a.ts
)");
}

TEST_CASE("typescript navigation: re-exports and an alias") {
  check(R"(
//- /core.ts
export const [[def:limit]] = 1;
//- /index.ts
export { [[pass:limit]] } from "./core";
//- /a.ts
import { [[import:limit]] } from "./index";
const s = "$~"; $0[[use:limit]];
//- /b.ts
import { [[name:limit]] as [[alias:most]] } from "./core";
const t = "$~"; [[u2:most]];
//? definition -> def
//? definition@u2 -> def
//? rename@u2 cap -> alias, u2
)");
}

TEST_CASE("typescript navigation: enums, type aliases and generics") {
  check(R"(
//- /a.ts
enum [[tone:Tone]] { [[low:Low]], High }
type [[name:Name]] = string;
function id<T>(x: T): T { return x; }
const s = "$~"; const n: $0[[use:Name]] = "a"; Tone.[[l:Low]];
//? definition -> name
//? definition@l -> low
//? rename Title -> name, use
//? rename@l Deep -> low, l
)");
}

TEST_CASE("tsx navigation: components") {
  check(R"(
//- /button.tsx
export function [[def:Button]](props: { text: string }) { return <b>{props.text}</b>; }
//- /app.tsx
import { [[import:Button]] } from "./button";
export const [[app:App]] = () => { const s = "$~"; return <$0[[use:Button]] text="a" />; };
//? definition -> def
//? declaration -> import
//? uses -> import, use
//? rename Knob -> def, import, use
)");
}
