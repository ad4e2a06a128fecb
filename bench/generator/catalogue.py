"""Every generator by name, in the order in which they are told."""

from collections.abc import Mapping

from bench.generator import fasthttp, k6, ours, wrk
from bench.generator.contender import Contender, Name

CONTENDERS: Mapping[Name, Contender] = {module.CONTENDER.name: module.CONTENDER for module in (ours, fasthttp, k6, wrk)}
