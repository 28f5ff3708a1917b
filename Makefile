# Everything here prepares what it needs by itself: Python >= 3.11 and the package registries are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install serve demo test check bench clean

PY := .venv/bin/python
# One worker per processor: with more, a program under test starves and waits run out.
WORKERS ?= $(shell python3 -c 'import os; print(os.cpu_count() or 1)')
READY := .venv/.ready
export UV_PYTHON_DOWNLOADS ?= never
export PYTHONUTF8 := 1

help: ## 列出可用的命令
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(READY) ## 只准备环境，不运行

serve: $(READY) ## 启动服务（设置见 README）
	@$(PY) -m bot serve $(ARGS)

demo: $(READY) ## 用模拟的企业微信演示主要流程；make demo ARGS=--exit 演完就退出
	@$(PY) -m bot demo $(ARGS)

test: $(READY) ## 跑全部测试（SQLite、PostgreSQL、Redis、真实浏览器）；ARGS 传给 pytest
	@$(PY) -m tests.support.browser
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(READY) ## 代码风格、类型、楼层、内容包、锁文件
	@$(UV) lock --check
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) -m bot check dental
	@$(PY) -m bot check medspa

bench: $(READY) ## 测速：回调入口、欢迎语、全量同步、旅程、内容检查（ARGS 传给回调入口的测速）
	@$(PY) -m bench.callbacks $(ARGS)
	@$(PY) -m bench.welcome
	@$(PY) -m bench.sync
	@$(PY) -m bench.planning --sizes 10000,100000 --databases postgresql --large 0
	@$(PY) -m bench.enrolling --patients 20000
	@$(PY) -m bench.compliance

clean: ## 删除生成的东西（不动数据库）
	rm -rf .venv .uv console/node_modules console/static/vendor .mypy_cache .pytest_cache .ruff_cache

# uv makes the environment from the lock; where it is not installed it is fetched into a folder of its own.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)

.uv/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更新的版本"; exit 2; }
	@python3 -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

$(READY): pyproject.toml uv.lock console/package-lock.json $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --frozen --quiet
	@$(PY) -m console.vendor
	@touch $@
