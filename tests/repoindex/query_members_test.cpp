// Members by what is written or evident of their receiver, and overloads by their arguments.
#include <catch2/catch.hpp>

#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

TEST_CASE("python: a chain of attributes is followed through written and evident types") {
  CHECK(check_definition(R"(
//- /a.py
class Options:
    def get(self, name): ...
#       ^^^ definition
class Config:
    def __init__(self):
        self.options = Options()
class Other:
    def get(self, name): ...
class Session:
    config: Config
    def run(self):
        self.config.options.ge<|>t("x")
)") == Confidence::likely);
}

TEST_CASE("python: what a method or function says it returns, and a class attribute") {
  check_definition(R"(
//- /a.py
class Row:
    def cells(self): ...
#       ^^^^^ definition
class Table:
    def first(self) -> Row: ...
    default = Row()
class Sheet:
    def cells(self): ...
def use(table: Table):
    row = table.first()
    row.cel<|>ls()
)");
  check_definition(R"(
//- /a.py
class Row:
    def cells(self): ...
#       ^^^^^ definition
class Table:
    default = Row()
class Sheet:
    def cells(self): ...
Table.default.cel<|>ls()
)");
}

TEST_CASE("python: the base class is the imported one, not another of that name") {
  check_definition(R"(
//- /one.py
class Base:
    def save(self): ...
//- /two.py
class Base:
    def save(self): ...
#       ^^^^ definition
//- /model.py
from two import Base as B
class Model(B):
    def store(self):
        super().sa<|>ve()
)");
}

TEST_CASE("python: a keyword argument is the parameter of what is called") {
  check_definition(R"(
//- /a.py
def other(size): ...
def make(name, size=1): ...
#              ^^^^ definition
make("x", si<|>ze=2)
)");
  check_definition(R"(
//- /a.py
class Box:
    def __init__(self, width):
#                      ^^^^^ definition
        self.w = width
Box(wid<|>th=2)
)");
}

TEST_CASE("python: a member of a written foreign type is not guessed") {
  engramd::test::Workspace ws(R"(
//- /a.py
class Own:
    def split(self): ...
def f(text: str):
    return text.spl<|>it(",")
)");
  CHECK(find_definitions(view_of(ws), ws.cursor().path, ws.cursor().offset).empty());
}

TEST_CASE("cpp: smart pointers, auto, factories and alias chains say what a receiver is") {
  for (std::string_view use :
       {"std::unique_ptr<Foo> p; void f() { p->ru<|>n(); }",
        "void f() { auto x = make_foo(); x->ru<|>n(); }",
        "void f() { auto x = std::make_unique<Foo>(); x->ru<|>n(); }",
        "using Bar = Foo; typedef Bar Baz; void f(Baz& b) { b.ru<|>n(); }",
        "struct Holder { Foo* foo_; }; void f(Holder& h) { h.foo_->ru<|>n(); }",
        "struct Derived : Foo {}; void f() { Derived d; d.ru<|>n(); }"}) {
    INFO(use);
    CHECK(check_definition(R"(
//- /foo.h
struct Foo {
  void run();
//     ^^^ definition
};
Foo* make_foo();
//- /other.h
struct Other { void run(); };
//- /a.cpp
#include "foo.h"
#include "other.h"
)" + std::string(use) + "\n") == Confidence::likely);
  }
}

TEST_CASE("cpp: a class's name inside it is the class, not its constructor") {
  check_definition(R"(
//- /a.h
class Slice {
//    ^^^^^ definition
 public:
  Slice();
  Slice(int n);
  Sli<|>ce& operator=(const Slice& other);
};
)");
}

TEST_CASE("cpp: a pure virtual function has no body, whatever class has the same name") {
  check_definition(R"(
//- /iterator.h
class Iterator {
 public:
  virtual void Next() = 0;
//             ^^^^ definition
};
//- /list.h
class List { class Iterator { void Next(); }; };
inline void List::Iterator::Next() {}
//- /a.cpp
#include "iterator.h"
void f(Iterator* it) { it->Ne<|>xt(); }
)");
}

TEST_CASE("cpp: enumerators are seen around their enum, and inside a class by its methods") {
  check_definition(R"(
//- /a.h
class Reader {
  enum State { kOpen, kDone };
//                    ^^^^^ definition
  State next();
};
//- /b.h
enum Other { kDone };
//- /a.cpp
#include "a.h"
Reader::State Reader::next() { return kDo<|>ne; }
)");
}

TEST_CASE("cpp: the number of arguments picks the overload") {
  check_definition(R"(
//- /a.h
int pad(int x);
int pad(int x, int width);
int pad(int x, int width, char fill = ' ', bool left = false);
//- /a.cpp
#include "a.h"
int pad(int x) { return x; }
int pad(int x, int width) { return x + width; }
//  ^^^ definition
int pad(int x, int width, char fill, bool left) { return fill; }
int f() { return pa<|>d(g(1, 2), 3); }
)");
  check_definition(R"(
//- /A.java
class A {
  void put(int x) {}
  void put(int x, java.util.Map<String, Integer> y) {}
//     ^^^ definition
  void f() { this.pu<|>t(1, null); }
}
)");
}

TEST_CASE("cpp: of several #define of a name the last is meant") {
  check_definition(R"(
//- /export.h
#if defined(_WIN32)
#define API __declspec(dllexport)
#else
#define API
//      ^^^ definition
#endif
//- /a.cpp
#include "export.h"
AP<|>I int f();
)");
}

TEST_CASE("cpp: std::move is not a function of the repository that is called move") {
  engramd::test::Workspace ws(R"(
//- /a.cpp
void move(int x) {}
void f(int y) { auto z = std::mo<|>ve(y); }
)");
  CHECK(find_definitions(view_of(ws), ws.cursor().path, ws.cursor().offset).empty());
}

TEST_CASE("references: members of a foreign type with the same name are left out") {
  check_references(R"(
//- /a.h
#include <string>
struct Slice { int si<|>ze() const { return 1; } };
//- /a.cpp
#include "a.h"
int f(const Slice& s, const std::string& t) {
  return s.size() + t.size();
//         ^^^^ reference
}
)");
}

TEST_CASE("cpp: an export macro or a lock annotation hides no member, and is a name itself") {
  std::string_view header = R"(
//- /export.h
#define MY_API
#define GUARDED_BY(x)
//- /a.h
#include "export.h"
class MY_API Store final : public Base {
 public:
  Store();
  friend class Other;

  std::map<int, int> files_ GUARDED_BY(mutex_);
  int mutex_;
};
//- /a.cpp
#include "a.h"
)";
  engramd::test::Workspace ws(std::string(header) +
                              "int f(Store* s) { return s->fil<|>es_.size(); }\n");
  View view = view_of(ws);
  auto hits = find_definitions(view, "a.cpp", ws.cursor().offset);
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].container == "Store");
  CHECK(hits[0].confidence == Confidence::likely);
  std::string text = ws.read("a.h");
  auto macro = find_definitions(view, "a.h", text.find("MY_API"));
  REQUIRE(macro.size() == 1);
  CHECK(macro[0].place.path == "export.h");
  auto guard = find_definitions(view, "a.h", text.find("mutex_"));
  REQUIRE(guard.size() == 1);
  CHECK(guard[0].place.range.begin == text.rfind("mutex_"));
}

TEST_CASE("c: an extern declaration leads to the variable, a bare name to the typedef") {
  check_definition(R"(
//- /server.h
extern struct state server;
//- /server.c
#include "server.h"
struct state server;
//           ^^^^^^ definition
//- /a.c
#include "server.h"
int f(void) { return ser<|>ver.port; }
)");
  check_definition(R"(
//- /list.h
typedef struct node {
  struct node *next;
} node;
//^^^^ definition
//- /a.c
#include "list.h"
no<|>de *head;
)");
  check_definition(R"(
//- /list.h
typedef struct node {
//             ^^^^ definition
  struct node *next;
} node;
//- /a.c
#include "list.h"
struct no<|>de *head;
)");
}

TEST_CASE("cpp: written types of the arguments pick the overload and its body") {
  std::string_view files = R"(
//- /key.h
struct Slice {};
struct Key { Slice encode() const; };
struct Comparator {
  int compare(const Slice& a, const Slice& b) const;
  int compare(const Key& a, const Key& b) const;
};
inline int Comparator::compare(const Key& a, const Key& b) const { return 1; }
)";
  check_definition(std::string(files) + R"(
//- /key.cc
#include "key.h"
int Comparator::compare(const Slice& a, const Slice& b) const { return 0; }
//              ^^^^^^^ definition
//- /use.cc
#include "key.h"
int f(Comparator* c, Key& k, Slice s) { return c->comp<|>are(s, k.encode()); }
)");
  check_definition(R"(
//- /key.h
struct Slice {};
struct Key {};
int compare(const Slice& a, const Slice& b) { return 0; }
int compare(const Key& a, const Key& b) { return 1; }
//  ^^^^^^^ definition
int f(Key& k, Key* other) { return comp<|>are(k, *other); }
)");
  check_references(R"(
//- /key.h
struct Slice {};
struct Key {};
int compare(const Slice& a, const Slice& b) { return 0; }
int comp<|>are(const Key& a, const Key& b) { return 1; }
int f(Key& k, Slice& s) { return compare(s, s) + compare(k, k); }
//                                               ^^^^^^^ reference
)");
}

TEST_CASE("python: a comprehension's variable is its own, and a class's type parameter is seen") {
  check_definition(R"(
//- /a.py
def f(rows):
    short = [row for row in rows if row]
    for row in rows:
#       ^^^ definition
        print(ro<|>w)
)");
  check_definition(R"(
//- /a.py
def f(rows):
    for row in rows: pass
    return [ro<|>w for row in rows]
#                   ^^^ definition
)");
  check_definition(R"(
//- /a.py
class Box[Item]:
#         ^^^^ definition
    def put(self, item: It<|>em): ...
)");
}

TEST_CASE("references: a built-in name is not the module that happens to define it") {
  check_references(R"(
//- /compat.py
str = st<|>r
#     ^^^ reference
//- /user.py
from compat import str
#                  ^^^ reference
text = str(1)
#      ^^^ reference
//- /other.py
str(1)
)");
}

TEST_CASE("cpp: macros before a declaration hide no class, and a macro may open a namespace") {
  check_definition(R"(
//- /base.h
#define LIB_CONSTEXPR constexpr
#define LIB_BEGIN_NAMESPACE namespace lib {
#define LIB_END_NAMESPACE }
LIB_BEGIN_NAMESPACE
template <typename T> class buffer {
 public:
  LIB_CONSTEXPR buffer(T* p) : ptr_(p) {}
  LIB_CONSTEXPR ~buffer() = default;
  LIB_CONSTEXPR void set(T* data) { ptr_ = data; }
//                   ^^^ definition
 private:
  T* ptr_;
};
LIB_END_NAMESPACE
//- /use.cpp
#include "base.h"
struct other { void set(int); };
void f(lib::buffer<int>& b) { b.se<|>t(nullptr); }
)");
}
