// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_SUPPORT_SHARED_MEMORY_HPP
#define TOKENKEEP_TESTS_SUPPORT_SHARED_MEMORY_HPP

#include <new>

#include <sys/mman.h>

/// One T that forked processes share. It may hold nothing that points to memory of its own.
template <class T>
class shared_memory {
  public:
    shared_memory() : at_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (at_ == MAP_FAILED) throw std::bad_alloc();
        ::new (at_) T();
    }
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    ~shared_memory() { ::munmap(at_, sizeof(T)); }

    T& operator*() const { return *static_cast<T*>(at_); }
    T* operator->() const { return static_cast<T*>(at_); }

  private:
    void* at_;
};

#endif
