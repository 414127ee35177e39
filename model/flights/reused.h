// Reused: many things of one operation, in memory that the next one uses again.
#pragma once

#include <vector>

namespace mmtwin::model {

// Assigning an empty one empties it, and keeps its memory.
template <class T>
class Reused : public std::vector<T> {
 public:
  Reused() = default;
  Reused(Reused&&) noexcept = default;
  Reused& operator=(Reused&& other) noexcept {
    if (other.empty())
      this->clear();
    else
      this->swap(other);
    return *this;
  }
};

}  // namespace mmtwin::model
