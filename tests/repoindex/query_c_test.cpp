// C: names in macro bodies, receivers behind brackets and casts, structs without a name, and what a
// file can see of the others.
#include <catch2/catch.hpp>

#include "repoindex/parse/macro_body.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

namespace {

// "name" or "receiver>name", calls with brackets, writes with =.
std::string names_in(std::string_view definition, size_t behind_name) {
  std::string out;
  for (const MacroName& n : read_macro_body(definition, behind_name, definition.size()).names) {
    if (!out.empty()) out += " ";
    if (n.has_receiver) out += n.receiver + ">";
    out += definition.substr(n.range.begin, n.range.size());
    if (n.role == Role::call) out += "()";
    if (n.role == Role::write) out += "=";
  }
  return out;
}

}  // namespace

TEST_CASE("macro bodies: calls, receivers, writes, and what is no name") {
  CHECK(names_in("#define F(l) ((l)->len)", 9) == "l l>len");
  CHECK(names_in("#define F(a, b) run(a->x.y[b].z, \"not b\", 'b', 0xb /* b */)", 9) ==
        "run() a a>x x>y b y[]>z");
  CHECK(names_in("#define F(p) ((struct node *)(p))->next = make(p)->first", 9) ==
        "node p node>next= make() p make()>first");
  CHECK(names_in("#define F(t) a_##t, #t, sizeof(unsigned t), x += 1, y == 2", 9) == "t t t x= y");
  CHECK(names_in("#define F std::move(x)", 9) == "std std>move() x");
  CHECK(names_in("#define F (x)", 9) == "x");
  CHECK(names_in("#define F(", 9).empty());
  CHECK(names_in("#define F(x) )->y ]->z (->w", 9) == ">y >z() >w");
}

TEST_CASE("c: a name in a macro body is a parameter of it, a function, or another macro") {
  check_definition(R"(
//- /a.c
#define TWICE(x) add(x<|>, x)
#             ^ definition
)");
  check_definition(R"(
//- /a.h
int add(int a, int b);
#define TWICE(x) ad<|>d(x, x)
//- /a.c
#include "a.h"
int add(int a, int b) { return a + b; }
//  ^^^ definition
)");
  check_references(R"(
//- /a.h
struct list { int len; };
#define LENGTH(l) ((l)->len)
//                      ^^^ reference
//- /a.c
#include "a.h"
int f(struct list *l) { return l->le<|>n; }
//                                ^^^ reference
)");
}

TEST_CASE("c: a struct without a name gives its members to what it declares") {
  check_definition(R"(
//- /a.c
struct other { int count; };
static struct {
  int count;
//    ^^^^^ definition
} state;
int f(void) { return state.co<|>unt; }
)");
  check_definition(R"(
//- /a.c
struct other { long ll; };
struct reply {
  union {
    long ll;
//       ^^ definition
    double d;
  } val;
};
long f(struct reply *r) { return r->val.l<|>l; }
)");
  check_definition(R"(
//- /a.c
struct other { int n; };
typedef struct { int n; } first, *pointer;
//                   ^ definition
int f(pointer p) { return p->n<|>; }
)");
}

TEST_CASE("c: receivers behind an index and a cast") {
  check_definition(R"(
//- /a.c
struct other { void *ptr; };
struct object { void *ptr; };
//                    ^^^ definition
struct client { struct object **argv; };
void *f(struct client *c) { return c->argv[1]->pt<|>r; }
)");
  check_definition(R"(
//- /a.c
struct other { int fd; };
struct conn { int fd; };
//                ^^ definition
int f(void *p) { return ((struct conn *)p)->f<|>d; }
)");
  check_definition(R"(
//- /a.cpp
struct Other { int size; };
struct Row { int size; };
//               ^^^^ definition
struct Table { Row& operator[](int i); int size; };
int f(Table& t) { return t[0].si<|>ze; }
)");
}

TEST_CASE("c: a designator names a member of what is initialized") {
  check_definition(R"(
//- /a.c
struct other { int get; };
struct inner { int get; };
//                 ^^^ definition
struct outer { struct inner in; };
struct outer table[] = {
  {.in = {.ge<|>t = 1}},
};
)");
  check_definition(R"(
//- /a.c
struct other { int get; };
struct inner { int get; };
//                 ^^^ definition
void f(void) { use((struct inner){.ge<|>t = 1}); }
)");
}

TEST_CASE("c: a struct that a header only declares is the one that the asking file defines") {
  CHECK(check_definition(R"(
//- /store.h
typedef struct store store;
//- /store.c
#include "store.h"
struct store { int keys; };
//                 ^^^^ definition
int f(store *s) { return s->ke<|>ys; }
//- /tests/fake.c
#include "store.h"
struct store { int keys; };
)") == Confidence::likely);
}

TEST_CASE("c: the parameter of a prototype is not seen behind it") {
  check_definition(R"(
//- /a.h
typedef struct list { int n; } list;
//                             ^^^^ definition
void release(list *list);
void add(li<|>st *to);
)");
}

TEST_CASE("references: a typedef and its tag, a local that hides the type, guesses") {
  check_references(R"(
//- /a.h
typedef struct list { int n; } list;
struct list *tagged(void);
list *mak<|>e_it(void);
//- /a.c
#include "a.h"
list *make_it(void) { return 0; }
int f(void) { return make_it()->n; }
//                   ^^^^^^^ reference
)");
  check_references(R"(
//- /a.h
typedef struct list { int n; } list;
struct list *tagged(void);
int x; lis<|>t *first(void);
//     ^^^^ reference
//- /a.c
#include "a.h"
int y; list *first(void) {
//     ^^^^ reference
  struct list *list;
  return list;
}
)");
  check_references(R"(
//- /a.c
struct a { int flags; };
struct b { int flags; };
int f(struct a *x) { return x->fl<|>ags; }
//                             ^^^^^ reference
int g(struct b *x) { return x->flags; }
#define UNKNOWN(y) ((y)->flags)
)");
}
