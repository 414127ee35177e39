#include "tools/import/vmadelta_records.h"

#include <utility>

#include "vocab/units.h"

namespace mmtwin::tools {
namespace {

std::uint64_t numbered(LineCursor& at, char letter, std::string_view what) {
  at.skip_spaces();
  if (at.peek() != letter) at.fail("expected " + std::string(what) + ", not " + in_quotes(at.rest()));
  at.accept(std::string_view(&letter, 1));
  std::uint64_t number = at.decimal(what);
  if (number == 0) at.fail(std::string(what) + " numbers start at 1");
  return number;
}

ListedRange interval(LineCursor& at) {
  ListedRange range;
  range.start = at.hexadecimal("start address");
  at.expect("-");
  range.end = at.hexadecimal("end address");
  if (range.start >= range.end) at.fail("the range is empty");
  if ((range.start | range.end) % kPageBytes != 0) at.fail("the range is not page aligned");
  return range;
}

// " -s-e" or " +s-e rwxp offset name".
void read_change(LineCursor& at, DeltaRecord& record) {
  at.skip_spaces();
  if (at.accept("-")) {
    record.gone.push_back(interval(at));
    at.expect_end();
    return;
  }
  at.expect("+");
  ListedRange range = interval(at);
  at.skip_spaces();
  range.prot = read_protection(at);
  range.shared = at.accept("s");
  if (!range.shared) at.expect("p");
  range.offset = at.hexadecimal("file offset");
  at.skip_spaces();
  if (at.at_end()) at.fail("expected the name of the range, the line ends");
  range.name = at.rest();
  record.added.push_back(std::move(range));
}

// "F f2 52719 ld.so.cache"
void read_file(LineCursor& at) {
  at.expect("F f");
  at.decimal("file number");
  at.decimal("file size");
  at.word("file name");
}

void read_result(LineCursor& at, DeltaRecord& record) {
  if (at.accept("E")) {
    record.failed = true;
    record.result = at.decimal("error number");
  } else if (at.accept("?")) {
    record.failed = true;
  } else {
    record.result = at.hexadecimal("result");
  }
  at.expect_end();
}

DeltaRecord read_record(LineCursor at) {
  DeltaRecord record;
  record.place = at;
  record.task = numbered(at, 'P', "task");
  at.skip_spaces();
  if (at.peek() == 'M') record.space = numbered(at, 'M', "memory map");
  record.call = at.word("name of the call");
  at.skip_spaces();
  if (record.call == "exited" || record.call == "exec" || record.call == "implicit") return record;
  if (record.space == 0) at.fail("a call needs the memory map (M1, M2, ...) it works on");
  if (at.accept("-> ")) {
    record.child_task = numbered(at, 'P', "child task");
    record.child_space = numbered(at, 'M', "memory map of the child");
    at.expect_end();
    return record;
  }
  for (;;) {
    at.skip_spaces();
    LineCursor place = at;
    std::string_view word = at.word("'='");
    if (word == "=") break;
    record.arguments.push_back({place, word});
  }
  at.skip_spaces();
  read_result(at, record);
  return record;
}

}  // namespace

Prot read_protection(LineCursor& at) {
  Prot prot;
  for (auto [letter, bit] : {std::pair{"r", kProtRead}, {"w", kProtWrite}, {"x", kProtExec}}) {
    if (at.accept(letter)) {
      prot = prot | bit;
    } else if (!at.accept("-")) {
      at.fail("expected a protection such as rw-, not " + in_quotes(at.rest()));
    }
  }
  return prot;
}

std::vector<DeltaRecord> read_vmadelta(std::string_view text) {
  std::vector<DeltaRecord> records;
  LogLines lines(text);
  LineCursor at;
  while (lines.next(at)) {
    switch (at.peek()) {
      case '#':
        break;
      case 'F':
        read_file(at);
        break;
      case ' ':
        if (records.empty()) at.fail("a change of ranges before any call");
        read_change(at, records.back());
        break;
      case 'P':
        records.push_back(read_record(at));
        break;
      default:
        at.fail("expected a record (P…), a file (F…), a change ( +… or  -…) or a comment, not " + in_quotes(at.rest()));
    }
    if (records.size() > kMaxLogOperations) at.fail("more records than are read");
  }
  return records;
}

}  // namespace mmtwin::tools
