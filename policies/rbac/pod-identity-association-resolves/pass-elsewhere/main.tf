resource "aws_eks_pod_identity_association" "cart" {
  cluster_name    = "shop"
  namespace       = "shop"
  service_account = "cart"
  role_arn        = module.cart_role.iam_role_arn
}
