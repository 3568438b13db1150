"""STUB by the integrator so that the controller starts; helper: replace this file wholly."""
from __future__ import annotations
from dataclasses import replace
import hashlib
from ryu_overlay.health.faults import Fault
class Book:
    def __init__(self, impact, absorbs): self._impact=impact; self._f={}; self._seen={}; self._ended=[]
    def step(self, now, verdicts, unknown):
        out=[]
        for v,since in verdicts:
            k=(v.kind,v.element); self._seen[k]=now
            if k not in self._f:
                i='f'+hashlib.sha1(repr((k,since)).encode()).hexdigest()[:5]
                self._f[k]=Fault(i,v,since,now,impact=self._impact(v.element)); out.append(self._f[k])
            else: self._f[k]=replace(self._f[k],verdict=v)
        for k,f in list(self._f.items()):
            if now-self._seen[k]>10: 
                del self._f[k]; f=replace(f,until=self._seen[k]); self._ended.append(f); out.append(f)
        return out
    def lasts(self, kind, element): return (kind,element) in self._f
    def faults(self, now): return [*self._f.values(), *self._ended[::-1]]
    def silences(self, now): return ()
    def silence(self, s): pass
    def unsilence(self, w, n): return False
    def dump(self): return ''
    def load(self, t): pass
