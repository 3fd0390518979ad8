// Finds words for people that are written in a page or a module instead of in the texts. For the tests only.
import { parse, type AST } from "svelte/compiler";
import ts from "typescript";

export interface Found {
  line: number;
  text: string;
}

const letters = /\p{L}/u;
const prose = /\p{L}{2}[,;:.]? \p{L}/u; // at least two words

// Attributes and properties of parts that people see or hear.
const shown = new Set(
  "title aria-label aria-description aria-roledescription placeholder alt label lead text yes no empty summary".split(
    " ",
  ),
);
// Their values are for the browser.
const inner = /^(class|d|style|pattern|accept|rel|data-.*)$/;
// What is typed or stands on keys is the same in every language.
const typed = new Set(["code", "kbd", "pre"]);
// Their arguments are for the browser.
const machine = new Set(["querySelector", "querySelectorAll", "closest", "matchMedia", "getPropertyValue"]);
// Their arguments are for people even if they are one word.
const spoken = new Set(["attempt", "say"]);
// A command is typed as it is.
const command = /^\s*(groupcast [a-z]|--[a-z]|curl -|-H ["']|TOKEN=)/;

interface Node {
  type: string;
  start: number;
  [key: string]: unknown;
}

const isNode = (x: unknown): x is Node => typeof x === "object" && x !== null && typeof (x as Node).type === "string";

/** The literal texts that an expression may have as its value, or as a part of it. */
function values(e: Node): { at: number; text: string }[] {
  const all = (...of: unknown[]) => of.filter(isNode).flatMap(values);
  switch (e.type) {
    case "Literal":
      return typeof e.value === "string" ? [{ at: e.start, text: e.value }] : [];
    case "TemplateLiteral":
      return [
        ...(e.quasis as (Node & { value: { cooked: string } })[]).map((q) => ({ at: q.start, text: q.value.cooked })),
        ...all(...(e.expressions as Node[])),
      ];
    case "ConditionalExpression":
      return all(e.consequent, e.alternate);
    case "LogicalExpression":
      return e.operator === "&&" ? all(e.right) : all(e.left, e.right);
    case "BinaryExpression":
      return e.operator === "+" ? all(e.left, e.right) : [];
  }
  return [];
}

/** Literal words in what a .svelte file shows. */
export function inMarkup(source: string, allowed: Set<string>): Found[] {
  const out: Found[] = [];
  const line = (at: number) => source.slice(0, at).split("\n").length;
  const check = (at: number, raw: string, how = letters) => {
    const text = raw.replace(/\s+/g, " ").trim();
    if (how.test(text) && !allowed.has(text) && !command.test(text)) out.push({ line: line(at), text });
  };
  const walk = (n: unknown): void => {
    if (Array.isArray(n)) return n.forEach(walk);
    if (!isNode(n)) return;
    if (n.type === "Text") return check(n.start, n.data as string);
    if (n.type === "ExpressionTag") values(n.expression as Node).forEach((v) => check(v.at, v.text));
    if (n.type === "Attribute") {
      if (inner.test(n.name as string)) return;
      const of = n.value === true ? [] : [n.value].flat().filter(isNode);
      const how = shown.has(n.name as string) ? letters : prose;
      for (const v of of)
        if (v.type === "Text") check(v.start, v.data as string, how);
        else if (v.type === "ExpressionTag" && how === letters)
          values(v.expression as Node).forEach((x) => check(x.at, x.text));
      return;
    }
    if (n.type === "RegularElement" && typed.has(n.name as string)) return walk(n.attributes);
    if (n.type === "StyleDirective" || n.type === "Comment") return;
    for (const [k, v] of Object.entries(n)) if (k !== "expression" && k !== "test") walk(v);
  };
  const root: AST.Root = parse(source, { modern: true });
  walk(root.fragment);
  if (root.instance) {
    const c = root.instance.content as unknown as { start: number; end: number };
    const before = line(c.start) - 1;
    for (const f of inScript(source.slice(c.start, c.end), allowed)) out.push({ ...f, line: f.line + before });
  }
  return out;
}

/** Literal words in a module: sentences anywhere, and single words where they are said to people. */
export function inScript(source: string, allowed: Set<string>): Found[] {
  const file = ts.createSourceFile("x.ts", source, ts.ScriptTarget.Latest, true);
  const out: Found[] = [];
  const called = (n: ts.CallExpression) =>
    ts.isIdentifier(n.expression)
      ? n.expression.text
      : ts.isPropertyAccessExpression(n.expression)
        ? n.expression.name.text
        : "";
  const walk = (n: ts.Node, how: RegExp): void => {
    if (ts.isImportDeclaration(n) || ts.isTypeNode(n)) return;
    if (ts.isStringLiteralLike(n) || ts.isTemplateHead(n) || ts.isTemplateMiddle(n) || ts.isTemplateTail(n)) {
      if (how.test(n.text) && !allowed.has(n.text.trim()) && !command.test(n.text))
        out.push({ line: file.getLineAndCharacterOfPosition(n.getStart()).line + 1, text: n.text });
      return;
    }
    if (ts.isCallExpression(n)) {
      if (machine.has(called(n))) return;
      if (spoken.has(called(n))) return n.arguments.forEach((x) => walk(x, said(x) ? letters : prose));
    }
    if (ts.isPropertyAssignment(n) && shown.has(n.name.getText()) && said(n.initializer))
      return walk(n.initializer, letters);
    ts.forEachChild(n, (x) => walk(x, how === letters && said(x) ? letters : prose));
  };
  walk(file, prose);
  return out;
}

// Whether a literal is what is said, and not what something said depends on or a call is made with.
function said(n: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(n) ||
    ts.isTemplateExpression(n) ||
    ts.isTemplateSpan(n) ||
    ts.isTemplateHead(n) ||
    ts.isTemplateMiddleOrTemplateTail(n) ||
    ts.isConditionalExpression(n)
  );
}
