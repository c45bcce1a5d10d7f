dofile(os.getenv("EXAMPLE") .. "/conf.lua")
