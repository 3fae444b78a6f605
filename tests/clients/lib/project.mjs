// lib/project.mjs - a small project in several languages, written into a temporary folder, and the way to start
// the server under test in it.
//
// ENGRAMD_BINARY is the binary; ENGRAMD_TEST_SERVER (a JSON array, command and arguments) puts another server in its place,
// which shows that these tests measure the protocol and can fail.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { privateEnvironment } from './session.mjs';

export const files = {
  'shop/__init__.py': '',
  'shop/cart.py': `"""A cart and its prices."""


class Cart:
    """Holds what the customer wants to buy."""

    def __init__(self, owner):
        self.owner = owner
        self.items = []

    def add_item(self, name, price):
        """Put one item into the cart."""
        self.items.append((name, price))

    def total_price(self):
        return sum(price for _, price in self.items)


def open_cart_for(owner):
    return Cart(owner)
`,
  'shop/report.py': `from shop.cart import Cart, open_cart_for


def describe_cart(cart):
    print("total price of the cart:", cart.total_price())
    return f"{cart.owner}: {cart.total_price()}"


def describe_many(carts):
    for cart in carts:
        print("total price of the cart:", cart.total_price())
    first = open_cart_for("nobody")
    print("total price of the cart:", first.total_price())
`,
  'app.py': `from shop.cart import Cart, open_cart_for

greeting = "😀 crème"; basket = open_cart_for("ada")
basket.add_item("tea", 3)


def main():
    print(greeting, basket.total_price())
`,
  'src/geometry.h': `#pragma once

struct Rectangle {
  double width;
  double height;
};

double area_of_rectangle(const Rectangle& rectangle);
`,
  'src/geometry.cpp': `#include "geometry.h"

double area_of_rectangle(const Rectangle& rectangle) {
  return rectangle.width * rectangle.height;
}

/* 😀 */ double twice_the_area(const Rectangle& rectangle) { return 2 * area_of_rectangle(rectangle); }
`,
  'web/format.ts': `export interface Money { cents: number }

export function formatMoney(money: Money): string {
  return (money.cents / 100).toFixed(2);
}
`,
  'web/page.ts': `import { formatMoney } from './format';

export const label = '😀' + formatMoney({ cents: 1250 });
`,
  'README.md': '# A small shop\n',
};

// A wrong comparison and the test that shows it, for whoever wants something to fix: a repair needs no chat model.
export const redTest = {
  'shop/discount.py': `def discount_for(total):
    """Ten percent from one hundred on."""
    if total > 100:
        return total // 10
    return 0
`,
  'test_discount.py': `from shop.discount import discount_for


def test_small_carts_pay_in_full():
    assert discount_for(99) == 0


def test_from_one_hundred_on_ten_percent():
    assert discount_for(100) == 10
    assert discount_for(250) == 25
`,
};

export function makeProject(folder) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  const environment = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  const git = (...args) => execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { env: environment, stdio: 'pipe' });
  git('init', '-q');
  git('add', '-A');
  git('commit', '-q', '-m', 'a small shop');
  return fs.realpathSync(folder);
}

// Whether this tree's server has syntax diagnostics.
export const reportsProblems = fs.existsSync(new URL('../../../daemon/handlers/diagnostics.cpp', import.meta.url));

export const isOwnServer = process.env.ENGRAMD_TEST_SERVER === undefined;

export function serverCommand() {
  if (!isOwnServer) {
    const [command, ...args] = JSON.parse(process.env.ENGRAMD_TEST_SERVER);
    return { command, args };
  }
  const binary = process.env.ENGRAMD_BINARY;
  if (!binary) throw new Error('ENGRAMD_BINARY is not set: expected the path of the engramd binary');
  fs.accessSync(binary, fs.constants.X_OK);
  return { command: path.resolve(binary), args: ['lsp'] };
}

// A private world for one test: folders, project, and a way to end the daemon that the test started.
export function makeWorld(name) {
  const { root, environment } = privateEnvironment(name);
  const project = makeProject(path.join(root, 'project'));
  return {
    root, environment, project,
    uri: (file) => pathToFileURL(path.join(project, file)).href,
    rootUri: pathToFileURL(project).href,
    close() {
      if (isOwnServer && process.env.ENGRAMD_BINARY) {
        const { status, stderr } = spawnSync(path.resolve(process.env.ENGRAMD_BINARY), ['stop'], { env: environment, timeout: 20_000, encoding: 'utf8' });
        // Status 1 means that there was none to stop, which is as good.
        if (status !== 0 && status !== 1) process.stderr.write(`engramd stop: status ${status}: ${stderr}\n`);
      }
      if (!process.env.ENGRAMD_KEEP_WORLD) fs.rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
