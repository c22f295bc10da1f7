async def test_smoke(site):
    async with site.browser("agent") as b:
        a = await b.get("/api/me"); print(a.status, a.json)
        for p in ("/api/calls","/api/customers","/healthz","/api/docs","/api/nope","/x"):
            a = await b.get(p); print(p, a.status, a.raw[:150])
async def test_smoke2(site):
    pass
async def test_smoke3(site):
    pass
