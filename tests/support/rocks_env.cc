// SPDX-License-Identifier: Apache-2.0
// rocks_env: a file system before the real one. It counts what changes or reads a file, from any of
// RocksDB's threads, and fails one.
#include "support/rocks_env.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>

using namespace ROCKSDB_NAMESPACE;

// As in the library's c.cc: its C API has no call that makes an environment of an Env.
struct rocksdb_env_t {
    Env *rep;
    bool is_default;
};

namespace {

std::atomic<uint64_t> operations{ 0 };
std::atomic<uint64_t> fail_at{ 0 };

IOStatus judge()
{
    uint64_t number = operations.fetch_add(1) + 1;
    return number == fail_at.load() ? IOStatus::IOError("made up") : IOStatus::OK();
}

class FailingWritable : public FSWritableFileOwnerWrapper {
public:
    using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
    using FSWritableFileOwnerWrapper::Append;
    IOStatus Append(const Slice &data, const IOOptions &options, IODebugContext *context) override
    {
        IOStatus status = judge();
        return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, context) : status;
    }
    IOStatus Sync(const IOOptions &options, IODebugContext *context) override
    {
        IOStatus status = judge();
        return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, context) : status;
    }
};

class FailingReadable : public FSRandomAccessFileOwnerWrapper {
public:
    using FSRandomAccessFileOwnerWrapper::FSRandomAccessFileOwnerWrapper;
    IOStatus Read(uint64_t offset, size_t size, const IOOptions &options, Slice *result,
                  char *scratch, IODebugContext *context) const override
    {
        IOStatus status = judge();
        return status.ok() ? FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result,
                                                                  scratch, context)
                           : status;
    }
};

class FailingFiles : public FileSystemWrapper {
public:
    using FileSystemWrapper::FileSystemWrapper;
    const char *Name() const override
    {
        return "FailingFiles";
    }
    IOStatus NewWritableFile(const std::string &name, const FileOptions &options,
                             std::unique_ptr<FSWritableFile> *result,
                             IODebugContext *context) override
    {
        IOStatus status = judge();
        if (status.ok()) {
            status = FileSystemWrapper::NewWritableFile(name, options, result, context);
        }
        if (status.ok()) {
            result->reset(new FailingWritable(std::move(*result)));
        }
        return status;
    }
    IOStatus NewRandomAccessFile(const std::string &name, const FileOptions &options,
                                 std::unique_ptr<FSRandomAccessFile> *result,
                                 IODebugContext *context) override
    {
        IOStatus status = judge();
        if (status.ok()) {
            status = FileSystemWrapper::NewRandomAccessFile(name, options, result, context);
        }
        if (status.ok()) {
            result->reset(new FailingReadable(std::move(*result)));
        }
        return status;
    }
    IOStatus RenameFile(const std::string &from, const std::string &to, const IOOptions &options,
                        IODebugContext *context) override
    {
        IOStatus status = judge();
        return status.ok() ? FileSystemWrapper::RenameFile(from, to, options, context) : status;
    }
    IOStatus LinkFile(const std::string &from, const std::string &to, const IOOptions &options,
                      IODebugContext *context) override
    {
        IOStatus status = judge();
        return status.ok() ? FileSystemWrapper::LinkFile(from, to, options, context) : status;
    }
};

} // namespace

extern "C" void
rocks_env_use(rocksdb_options_t *options)
{
    static Env *env = NewCompositeEnv(std::make_shared<FailingFiles>(FileSystem::Default())).release();
    static rocksdb_env_t handle = { env, true };
    rocksdb_options_set_env(options, &handle);
}

extern "C" void
rocks_env_fail_at(uint64_t number)
{
    fail_at.store(number);
    operations.store(0);
}

extern "C" uint64_t
rocks_env_count(void)
{
    return operations.load();
}
