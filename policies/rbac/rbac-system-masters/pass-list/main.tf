module "auth" {
  source         = "terraform-aws-modules/eks/aws//modules/aws-auth"
  aws_auth_roles = var.roles
}
