module "api" {
  source     = "./modules/repository"
  name       = "api"
  mutability = "IMMUTABLE"
}
